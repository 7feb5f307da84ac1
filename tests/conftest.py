"""What all tests share: nobody's own settings or data reach them, and they reach nobody's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import hypothesis
import pytest

ALLOWED_SKIPS: frozenset[str] = frozenset()  # reasons, each a platform that has no such thing
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

# Before anything of ours is imported: the Celery app reads the settings on import.
for name in [name for name in os.environ if name.startswith("BACKCHANNEL_")]:
    del os.environ[name]
_DATA = Path(tempfile.mkdtemp(prefix="backchannel-tests-"))
os.environ["BACKCHANNEL_DATA_DIR"] = str(_DATA)
os.environ["BACKCHANNEL_RETRAIN_AUTO"] = "false"  # a test that labels 60 messages has not asked for a training
# Backbones are exported once for all tests, and for those of the next run.
os.environ["MODELING_CACHE"] = str(Path(__file__).parents[1] / ".pytest_cache" / "backbones")
os.environ["MODELING_BACKBONE"] = "light"  # a quarter of the time to load and to read
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run beside each other: threads of one would wait for another's

# Two busy cores make single examples slow at times, which says nothing about the code.
hypothesis.settings.register_profile("tests", deadline=None, print_blob=True)
hypothesis.settings.load_profile("tests")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return without_skips((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return without_skips((yield))


def without_skips(report: Report) -> Report:
    """A skipped test has tested nothing: it fails, unless `ALLOWED_SKIPS` has its reason."""
    if report.skipped and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if reason not in ALLOWED_SKIPS:
            report.outcome = "failed"
            report.longrepr = f"Skipped, which tests/conftest.py does not allow: {reason}"
    return report


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    """Commands that run inside of the tests' process set its umask."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session", autouse=True)
def _own_data_folder() -> Iterator[None]:
    """The data folder of whatever asks for none, gone at the end."""
    yield
    shutil.rmtree(_DATA, ignore_errors=True)
