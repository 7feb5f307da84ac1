"""Against a server that speaks the hub's API; other processes, for the hub's library reads its address at its start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modeling.backbones.hub import licence, log
from modeling.cli.console import Show, errors_as_sentences
from modeling.events import Download
from tests.fakes import tiny_families as tiny
from tests.fakes.hub import FarHub, serving
from tests.waiting import HANG

ASK = """
import json, logging, sys
from modeling.backbones import hub, resolve
from modeling.errors import ModelingError
told = []
class Listener(logging.Handler):
    def emit(self, record):
        told.append([record.download.name, record.download.licence, record.download.bytes])
hub.log.setLevel("INFO")
hub.log.addHandler(Listener())
for name in sys.argv[1:]:
    told.clear()
    try:
        print(json.dumps({"folder": str(resolve.resolve(name)), "told": list(told)}))
    except ModelingError as error:
        print(json.dumps({"error": error.message, "told": list(told)}))
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarHub]:
    place = tmp_path_factory.mktemp("hub")
    good = tiny.save("bert", place / "good")
    (good / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# Small\n")
    (good / "pytorch_model.bin").write_bytes(b"not wanted")
    (good / "onnx").mkdir()
    (good / "onnx" / "model.onnx").write_bytes(b"not wanted")
    pickled, code = place / "pickled", place / "code"
    for folder in (pickled, code):
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": {"AutoModel": "m.M"}}))
    (pickled / "pytorch_model.bin").write_bytes(b"not wanted")
    (code / "model.safetensors").write_bytes(b"not wanted")
    models = {"small/good": good, "small/closed": good, "small/huge": good, "a/pickled": pickled, "a/code": code}
    huge = [{"rfilename": "config.json", "size": 100}, {"rfilename": "model.safetensors", "size": 10**18}]
    stated = {
        "small/good": {"cardData": {"license": "mit"}},
        "small/closed": {"gated": "auto", "tags": ["license:llama3"]},
        "small/huge": {"siblings": huge},
    }
    with serving(FarHub(models, stated, {"small/closed"})) as served:
        yield served


def environment(hub: FarHub, home: Path, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    return {**kept, "HF_ENDPOINT": hub.url, "HF_HOME": str(home), **more}


def ask(hub: FarHub, home: Path, *names: str, **more: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", ASK, *names],
        env=environment(hub, home, **more),
        capture_output=True,
        text=True,
        timeout=HANG,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_licence_and_size_are_said_before_weights_are_fetched_once(hub: FarHub, tmp_path: Path) -> None:
    hub.fetched.clear()
    first, second = ask(hub, tmp_path, "small/good", "small/good")
    name, stated, size = first["told"][0]
    assert (name, stated) == ("small/good", "mit")
    files = {path.name for path in Path(first["folder"]).rglob("*") if path.is_file()}
    assert {"model.safetensors", "config.json", "README.md"} <= files
    assert not {"pytorch_model.bin", "model.onnx"} & files
    assert size == sum(path.stat().st_size for path in Path(first["folder"]).rglob("*") if path.is_file())
    assert hub.fetched.count("model.safetensors") == 1
    assert second == {"folder": first["folder"], "told": []}
    (offline,) = ask(hub, tmp_path, "small/good", HF_HUB_OFFLINE="1")
    (cut_off,) = ask(hub, tmp_path, "small/good", HF_ENDPOINT="http://127.0.0.1:9")
    assert offline == cut_off == second


def test_what_cannot_be_fetched_gets_a_sentence_and_costs_no_download(hub: FarHub, tmp_path: Path) -> None:
    hub.fetched.clear()
    asked = {
        "small/closed": "gated: accept its terms",
        "small/none": "knows no backbone",
        "small/huge": "make room",
        "a/pickled": "pickled weights",
        "a/code": "program code",
    }
    for found, words in zip(ask(hub, tmp_path, *asked), asked.values(), strict=True):
        assert words in found["error"]
        assert "\n" not in found["error"]
        assert found["error"].endswith(".")
    assert {path for path in hub.fetched if not path.endswith(".json")} == set()


def test_without_a_network_and_without_a_copy_a_sentence_says_so(hub: FarHub, tmp_path: Path) -> None:
    for more in ({"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}):
        (found,) = ask(hub, tmp_path, "small/good", **more)
        assert "could not be fetched" in found["error"]
        assert "check its name and the network" in found["error"]


def test_a_download_is_a_line_for_programs_and_a_sentence_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    coming = Download(name="small/good", licence="mit", bytes=20_000_000)
    with errors_as_sentences(Show.json):
        log.info("%s", coming, extra={"download": coming})
    line = {"event": "download", "name": "small/good", "licence": "mit", "bytes": 20_000_000}
    assert json.loads(capsys.readouterr().out) == line
    with errors_as_sentences(Show.rich):
        log.info("%s", coming, extra={"download": coming})
    assert capsys.readouterr() == ("", "Fetching small/good: 20.0 MB, mit licence.\n")
    log.info("%s", coming, extra={"download": coming})
    assert capsys.readouterr() == ("", "")


def test_a_licence_that_is_not_stated_is_said_to_be_so(tmp_path: Path) -> None:
    assert licence(tmp_path) is None
    (tmp_path / "README.md").write_text("# No head\nlicense: mit\n")
    assert licence(tmp_path) is None
    assert (
        str(Download(name="a/b", licence=None, bytes=1_500_000_000).sentence)
        == "Fetching a/b: 1.5 GB, no stated licence."
    )
    assert str(Download(name="a/b", licence="mit", bytes=20_000_000).sentence) == "Fetching a/b: 20.0 MB, mit licence."
