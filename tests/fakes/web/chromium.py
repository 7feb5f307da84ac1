"""The browser of the page's tests: a headless Chromium that asks nothing of the network by itself."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launch_options() -> dict[str, Any]:
    """What Playwright's `launch` needs; the test fails where there is no Chromium."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.fail(
            "The tests of the page need Chromium on the PATH: apt-get install chromium, or what your system has."
        )
    return {"executable_path": path, "args": FLAGS}
