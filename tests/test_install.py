"""What gets installed: pins, package data, and what `make` says on a machine that lacks something."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for group in (PROJECT["dependencies"], *extras) for text in group]


def test_constraints_are_exact_versions_and_nothing_else() -> None:
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        assert not line or line.startswith("#") or re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line), line
    assert pins()["torch"] == "2.13.0"


def test_every_dependency_is_pinned_to_a_version_that_the_project_accepts() -> None:
    for requirement in requirements():
        assert requirement.specifier.contains(pins()[canonicalize_name(requirement.name)]), requirement.name


def test_what_the_dependencies_need_in_turn_is_pinned_too() -> None:
    seen: set[str] = set()
    waiting = [canonicalize_name(requirement.name) for requirement in requirements()]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        assert name in pins(), name
        try:
            needs = [Requirement(text) for text in importlib.metadata.requires(name) or ()]
        except importlib.metadata.PackageNotFoundError:
            continue  # not installed here, such as bitsandbytes
        waiting += [canonicalize_name(n.name) for n in needs if n.marker is None or n.marker.evaluate({"extra": ""})]
    assert len(seen) > 80


def test_the_base_install_has_no_torch() -> None:
    names = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    assert not names & {"torch", "transformers", "sentence-transformers", "scikit-learn", "scipy", "numpy"}


def test_the_wheel_has_all_modules_and_the_files_beside_them(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info" not in name}
    kept = [path for name in ("bot", "workers", "modeling") for path in (ROOT / name).rglob("*") if path.is_file()]
    assert inside == {str(path.relative_to(ROOT)) for path in kept if "__pycache__" not in path.parts}
    assert {".html", ".js", ".css"} <= {Path(name).suffix for name in inside}
    assert any(name.startswith("workers/store/migrations/") for name in inside)
    assert {"bot/py.typed", "workers/py.typed", "modeling/py.typed"} <= inside  # PEP 561


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *arguments], cwd=clone, env=outside, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("python", ["/nowhere/python3", "/bin/false", ""])
def test_make_without_a_fitting_python_says_what_to_do(clone: Path, python: str) -> None:
    done = make(clone, "demo", f"PYTHON={python}")
    assert done.returncode != 0
    assert done.stdout == (
        "Backchannel needs Python 3.11, 3.12 or 3.13: install one, or name it, as in make demo PYTHON=python3.12.\n"
    )
    assert not (clone / ".venv").exists()


def test_make_installs_nothing_twice(clone: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    for name in ("bin/python", ".dev-installed", ".runtime-installed"):
        (clone / ".venv" / name).touch()
    assert "nothing" in make(clone, "install").stdout.lower()
    # Some file systems tell no two quick writes apart.
    later = (clone / ".venv" / ".dev-installed").stat().st_mtime + 10
    os.utime(clone / "constraints.txt", (later, later))
    assert "pip" in make(clone, "--dry-run", "install").stdout


def test_make_alone_says_what_there_is(clone: Path) -> None:
    assert {"make demo", "make test", "make install", "make lint"} == set(re.findall(r"make \w+", make(clone).stdout))
