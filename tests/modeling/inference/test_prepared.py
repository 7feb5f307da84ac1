"""What opens a backbone for serving: exported once, and torch where that cannot be, with the reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from modeling.backbones import presets, resolve
from modeling.inference import prepared
from tests.fakes import tiny_families as tiny


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(presets.CACHE, str(tmp_path / "cache"))


@pytest.fixture
def bert(tmp_path: Path) -> str:
    return str(tiny.save("bert", tmp_path / "bert"))


def exported(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "cache" / prepared.INFERENCE
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def test_a_backbone_is_exported_once(bert: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = prepared.open_encoder(bert)
    assert (first.precision, first.reason) == ("int8", None)
    assert len(exported(tmp_path)) == 1
    monkeypatch.setattr(prepared, "in_child", lambda *_: pytest.fail("exported again"))
    again = prepared.open_encoder(bert)
    assert again.encoder.fingerprint == first.encoder.fingerprint
    assert np.array_equal(again.encoder.encode(["thanks"]), first.encoder.encode(["thanks"]))


def test_a_backbone_that_was_altered_is_exported_anew(bert: str) -> None:
    before = prepared.kept_folder(resolve.resolve(bert), bert, as_saved=False)
    os.utime(Path(bert) / "model.safetensors", ns=(1, 1))
    assert prepared.kept_folder(resolve.resolve(bert), bert, as_saved=False) != before


def test_what_cannot_be_exported_is_read_by_torch_and_says_why(tmp_path: Path) -> None:
    opened = prepared.open_encoder(str(tiny.save("llama", tmp_path / "llama")))
    assert opened.precision == "torch"
    assert opened.reason is not None
    assert opened.reason.code == "inference_unsupported"
    assert opened.encoder.encode(["thanks"]).shape == (1, opened.encoder.dimension)


def test_a_damaged_export_is_read_by_torch_and_says_why(bert: str, tmp_path: Path) -> None:
    prepared.open_encoder(bert)
    (exported(tmp_path)[0] / "model.onnx").write_bytes(b"no graph")
    opened = prepared.open_encoder(bert)
    assert opened.precision == "torch"
    assert opened.reason is not None
    assert opened.reason.code == "inference_altered"


def test_a_process_that_dies_while_it_exports_leaves_torch_to_read(bert: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "prepare", _dies)
    opened = prepared.open_encoder(bert)
    assert opened.precision == "torch"
    assert opened.reason is not None
    assert opened.reason.code == "inference_not_loaded"


def _dies(*_: object) -> None:
    os._exit(9)


def test_reading_loads_no_torch(bert: str) -> None:
    prepared.open_encoder(bert)
    code = (
        "import sys; from modeling.inference import prepared; "
        f"prepared.open_encoder({bert!r}).encoder.encode(['thanks']); "
        "print(sorted({'torch', 'transformers', 'onnx', 'sklearn'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
