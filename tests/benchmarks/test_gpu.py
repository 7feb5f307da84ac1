"""The benchmark for a GPU runs here too, with backbones of two layers, so that it works the first time there is one."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
import torch

from tests.benchmarks import gpu, gpu_contenders, gpu_wheels
from tests.benchmarks.gpu import Group, Line, Report, Row

PAIR = Group(("minilm/full/ours", "minilm/full/Trainer"), 60)


def test_everything_runs_on_a_cpu_and_becomes_a_table(tmp_path: Path) -> None:
    options = gpu.parsed(["--tiny", "--out", str(tmp_path / "tables.md")])
    report = gpu.run(options, tmp_path)
    trained = {(row.model, row.work, row.who): row for row in report.rows if row.work in gpu.METHODS}
    assert {who for _, _, who in trained} == {"ours", "Trainer"}
    assert {work for model, work, _ in trained if model == "decoder"} == set(gpu.METHODS)
    assert all(row.tokens and row.messages and row.memory and not row.note for row in trained.values()), report.rows
    encoded = [row for row in report.rows if row.work == "encode"]
    assert len(encoded) == 3
    assert all(row.messages and float(row.note.rsplit(" ", 1)[1]) > 0.99 for row in encoded), encoded
    (bundle,) = [row for row in report.rows if row.work.endswith("bundle")]
    assert "loaded on cpu: 32 of 32 labels the same" in bundle.note
    assert {"torch", "bitsandbytes", "device"} <= report.facts.keys()
    assert (tmp_path / "tables.md").read_text("utf-8") == report.markdown()


def measured(program: str, group: Group = PAIR, left: float = 60) -> list[Line]:
    """What is made of a group whose process is a short program."""
    return list(gpu.measure(group, [sys.executable, "-c", program], {}, left))


def test_a_process_that_dies_leaves_what_it_measured_and_a_reason_for_the_rest() -> None:
    line = (
        '{"contender": "minilm/full/ours", "rows": [{"model": "minilm", "work": "full", "who": "ours"}], "facts": {}}'
    )
    program = f"print('a library says: {{}}'); print({gpu.MARK + line!r}, flush=True); raise OSError('no kernel')"
    done, lost = measured(program)
    assert done.rows == [Row("minilm", "full", "ours")]
    assert lost.rows == [Row("minilm", "full", "Trainer", note="its process ended with status 1: OSError: no kernel")]


def test_a_process_that_takes_too_long_is_ended_and_so_is_what_it_started() -> None:
    program = "import subprocess; subprocess.run(['sleep', '600'])"
    notes = {line.rows[0].note for line in measured(program, replace(PAIR, seconds=0.5))}
    assert notes == {"took longer than 0 s"}


def test_without_time_nothing_is_started() -> None:
    assert [line.rows[0].note for line in measured("raise SystemExit(1)", left=3)] == ["no time was left"] * 2
    (prepared,) = measured("raise SystemExit('full disk')", Group(("prepare",), 60))
    assert prepared.facts == {"backbones": "not made: its process ended with status 1: full disk"}


def test_all_that_was_asked_for_is_among_the_groups() -> None:
    names = {name for group in gpu.groups(tiny=False) for name in group.contenders}
    for model, methods in {"decoder": gpu.METHODS, "minilm": ("full", "lora"), "e5": ("full", "lora")}.items():
        assert {f"{model}/{method}/{who}" for method in methods for who in ("ours", "Trainer")} <= names
    kept = gpu.chosen(gpu.groups(tiny=False), "minilm Trainer")
    assert [group.contenders for group in kept] == [("prepare",), ("minilm/full/Trainer", "minilm/lora/Trainer")]


def test_rows_of_one_model_and_work_stand_together() -> None:
    report = Report(facts={"device": "NVIDIA H100", "torch": "2.11.0"})
    report.add(Line(rows=[Row("decoder", "qlora", "ours", 10, 170.4, 2.5), Row("e5", "lora", "ours", note="a|b")]))
    report.add(Line(rows=[Row("decoder", "qlora", "Trainer", note="out of memory")]))
    lines = report.markdown().splitlines()
    assert lines[0].startswith("NVIDIA H100, 20")
    assert [line for line in lines if line.startswith("| ")][1:] == [
        "| decoder | QLoRA: NF4, twice quantised | ours | 170 | 10 | 2.50 |  |",
        "| decoder | QLoRA: NF4, twice quantised | Trainer | – | – | – | out of memory |",
        "| e5 | LoRA | ours | – | – | – | a/b |",
    ]


def test_a_contender_that_fails_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = gpu_contenders.Bench(tmp_path, gpu_contenders.TINY)

    def fails(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")

    monkeypatch.setattr(gpu_contenders, "train_ours", fails)
    assert gpu_contenders.run(bench, "decoder/full/ours", tiny=True).rows[0].note == "out of memory"
    assert "OSError" in gpu_contenders.run(bench, "decoder/full/Trainer", tiny=True).rows[0].note  # no such folder
    monkeypatch.setattr(gpu_contenders, "find_spec", lambda _: None)
    for contender in ("decoder/int8/ours", "decoder/qlora/Trainer", "decoder/qlora bundle/ours"):
        assert gpu_contenders.run(bench, contender, tiny=True).rows[0].note == "bitsandbytes is not installed"


def test_wheels_that_do_not_fit_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of-before.whl").write_bytes(b"")
    sizes = {"small": 300_000, "large": 900_000, "least": 100_000}

    def download(name: str, folder: Path) -> list[str]:
        write = f"open({str(folder / name)!r} + '.whl', 'wb').write(bytes({sizes.get(name)}))"
        return [sys.executable, "-c", write if name in sizes else "raise SystemExit('no such package')"]

    monkeypatch.setattr(gpu_wheels, "_download", download)
    said = gpu_wheels.pack(tmp_path, ("small", "large", "least", "unknown"), most=1_000_000)
    assert said[0] == "small: 0.3 MB"
    assert said[1] == "large: left out, 0.9 MB more would make 1.2 of 1 MB"
    assert said[3] == "unknown: not fetched, no such package"
    assert [path.name for path in sorted(tmp_path.glob("*.whl"))] == ["least.whl", "small.whl"]


def test_wheels_are_installed_into_a_folder_of_their_own(tmp_path: Path) -> None:
    information = "only_here-1.0.dist-info"
    with ZipFile(tmp_path / "only_here-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("only_here.py", "")
        wheel.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: only-here\nVersion: 1.0\n")
        wheel.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{information}/RECORD", "")
    assert gpu_wheels.install(tmp_path, tmp_path / "packages") == ""
    assert (tmp_path / "packages" / "only_here.py").is_file()
    assert gpu_wheels.install(tmp_path / "packages", tmp_path) == f"{tmp_path / 'packages'} holds no wheels"
