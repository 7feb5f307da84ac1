"""The hub's API on this machine: what `huggingface_hub` asks for before and while it fetches a model."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FarHub:
    """Models by name, as folders; `stated` overrides what the hub says of one; `gated` are fetched by nobody."""

    models: dict[str, Path]
    stated: dict[str, dict[str, Any]] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    fetched: list[str] = field(default_factory=list)
    url: str = ""

    def files(self, name: str) -> dict[str, bytes]:
        folder = self.models[name]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def info(self, name: str) -> dict[str, Any]:
        files = [{"rfilename": path, "size": len(content)} for path, content in self.files(name).items()]
        known = {"id": name, "modelId": name, "sha": COMMIT, "siblings": files, "tags": [], "gated": False}
        return {**known, **self.stated.get(name, {})}

    def tree(self, name: str) -> list[dict[str, Any]]:
        return [
            {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
            for path, content in self.files(name).items()
        ]


@contextmanager
def serving(hub: FarHub) -> Iterator[FarHub]:
    """Serve until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: FarHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(with_body=True)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self, *, with_body: bool) -> None:
            parts = self.path.split("?")[0].strip("/").split("/")
            name = "/".join(parts[2:4] if parts[0] == "api" else parts[:2])
            if name not in hub.models:
                self._send(b'{"error": "Repository not found"}', 404, {"X-Error-Code": "RepoNotFound"}, with_body)
            elif parts[0] == "api":
                said = hub.tree(name) if "tree" in parts else hub.info(name)
                self._send(json.dumps(said).encode(), 200, {"Content-Type": "application/json"}, with_body)
            elif name in hub.gated:
                self._send(b'{"error": "Restricted"}', 403, {"X-Error-Code": "GatedRepo"}, with_body)
            else:
                self._file(name, "/".join(parts[4:]), with_body)

        def _file(self, name: str, path: str, with_body: bool) -> None:
            content = hub.files(name)[path]
            if with_body:
                hub.fetched.append(path)
            tag = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
            self._send(content, 200, tag, with_body)

        def _send(self, content: bytes, status: int, headers: dict[str, str], with_body: bool) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    return Handler
