"""What all tests share: nobody's own settings or data reach them, and they reach nobody's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# Before anything of ours is imported: the Celery app reads the settings on import.
for name in [name for name in os.environ if name.startswith("BACKCHANNEL_")]:
    del os.environ[name]
_DATA = Path(tempfile.mkdtemp(prefix="backchannel-tests-"))
os.environ["BACKCHANNEL_DATA_DIR"] = str(_DATA)
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run beside each other: threads of one would wait for another's

# Two busy cores make single examples slow at times, which says nothing about the code.
hypothesis.settings.register_profile("tests", deadline=None, print_blob=True)
hypothesis.settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder() -> Iterator[None]:
    """The data folder of whatever asks for none, gone at the end."""
    yield
    shutil.rmtree(_DATA, ignore_errors=True)
