"""A small student learns from a teacher."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from modeling.backbones import backbone as backbones
from modeling.backbones import build
from modeling.classifier import bundle as bundles
from modeling.classifier import head
from modeling.classifier.bundle import Bundle
from modeling.distillation import config, loop
from modeling.distillation import teacher as teachers
from modeling.distillation.config import StudentHyperparameters
from modeling.distillation.dataset import draw_labels, read_distill_dataset
from modeling.distillation.loop import DistillExamples, distillation_loss
from modeling.errors import ModelingError
from modeling.progress import Reporter
from tests.fakes import tiny
from tests.fakes.killed import killed_after_checkpoint
from tests.fakes.messages import KINDS, OPENINGS, messages, write_csv
from tests.modeling.cli.test_command_line import run

LABELS = tuple(KINDS)
DEFAULTS = config.HYPERPARAMETERS
BRISK = StudentHyperparameters(learning_rate=1e-2, epochs=12, batch=32)


def teach(folder: Path, base: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """Write the bundle of a teacher with a random backbone and a fitted head."""
    backbone = backbones.load(str(base))
    rows = messages(OPENINGS[:6])
    targets = np.array([LABELS.index(kind) for _, kind in rows])
    described = backbone.encode([label.replace("_", " ") for label in labels])
    fitted = head.fit(backbone.encode([text for text, _ in rows]), targets, labels, described)
    Bundle(backbone, fitted, {"method": "frozen"}).save(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.bert(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def teacher(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return teach(tmp_path_factory.mktemp("teacher") / "bundle", base)


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("pool") / "pool.csv", [(text, "") for text, _ in messages(OPENINGS[:7])])


@pytest.fixture(autouse=True)
def _brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "HYPERPARAMETERS", dict.fromkeys(config.HYPERPARAMETERS, BRISK))


def command(teacher: object, pool: Path, out: Path, *more: object, student: str = "static") -> list[object]:
    return ["distill", teacher, "--student", student, "--texts", pool, "--out", out, "--progress", "json", *more]


@pytest.mark.parametrize("student", ["static", "gru", "lstm"])
def test_a_student_keeps_what_its_teacher_knows(
    student: str, teacher: Path, pool: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    asked = command(
        teacher, pool, tmp_path / "out", "--train", files[0], "--test", files[1], "--hidden", 16, student=student
    )
    status, lines, _ = run(*asked)
    done = lines[-1]
    assert status == 0, done
    assert (done["event"], done["method"], done["student"]) == ("done", "distilled", student)
    assert done["accuracy"] > 0.9 * done["teacher"]["accuracy"] > 0.7
    assert done["against"]["accuracy"] == done["teacher"]["accuracy"]
    assert set(done["gate"]) >= {"promote", "reason", "low", "high"}
    assert 0 < done["megabytes"] < done["teacher"]["megabytes"]
    assert done["messages_per_second"] > 0 < done["teacher"]["messages_per_second"]
    assert done["agreement"] > 0.8
    fractions = [line["fraction"] for line in lines[:-1]]
    assert fractions == sorted(fractions)
    saved = bundles.load(Path(done["bundle"]))
    assert saved.backbone.fingerprint == done["fingerprint"]
    assert saved.head.labels == tuple(sorted(LABELS)) or saved.head.labels == LABELS
    assert 0 < saved.head.temperature < 20
    assert not (tmp_path / "out" / "work").exists()
    assert run(*asked)[1][-1] == done


def test_a_smaller_transformer_is_a_student_too(
    teacher: Path, pool: Path, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "TRANSFORMER", replace(config.TRANSFORMER, learning_rate=3e-3, epochs=12))
    smaller = tiny.bert(tmp_path / "tiny", seed=3, width=32)
    asked = command(teacher, pool, tmp_path / "out", "--train", files[0], "--test", files[1], student=str(smaller))
    status, lines, _ = run(*asked)
    done = lines[-1]
    assert status == 0, done
    assert done["accuracy"] > 0.85 * done["teacher"]["accuracy"] > 0.7
    assert done["megabytes"] < done["teacher"]["megabytes"]


def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(
    teacher: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    texts = [text for text, _ in messages(OPENINGS[:4])]
    soft, vectors = teachers.load(str(teacher)).probabilities_and_vectors(texts, tmp_path / "cache", lambda _: None)
    examples = DistillExamples(texts, soft, vectors, np.full(len(texts), -1))
    for name in ("gru", "static"):
        folder = build.build(name, texts, tmp_path / name, source=backbones.load(str(base)), hidden=16)

        def distilled(
            stop: float, work: str, heard: list[float] | None = None, folder: Path = folder
        ) -> tuple[Any, Any, Any]:
            def on_progress(share: float) -> None:
                if heard is not None:
                    heard.append(share)
                if share > stop:
                    raise KeyboardInterrupt

            student = backbones.load(str(folder))
            return loop.train_student(
                student, examples, replace(BRISK, epochs=4), seed=3, work=tmp_path / work, on_progress=on_progress
            )

        whole = distilled(2.0, "whole")
        with pytest.raises(KeyboardInterrupt):
            distilled(0.5, "cut")
        torn = tmp_path / "cut" / "checkpoint-999"  # a kill came while it was written
        torn.mkdir()
        (torn / "model.safetensors").write_bytes(b"half")
        heard: list[float] = []
        goes_on = distilled(2.0, "cut", heard)
        assert heard[0] > 0.4
        assert np.abs(whole[1] - goes_on[1]).max() < 1e-5
        assert np.abs(whole[0].encode(texts) - goes_on[0].encode(texts)).max() < 1e-5
        assert not (tmp_path / "cut").exists()


def test_the_command_goes_on_after_a_kill(
    teacher: Path, pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [str(word) for word in command(teacher, pool, tmp_path, "--hidden", 16, student="gru")]
    often = "from modeling.distillation import loop; loop.CHECKPOINT_SECONDS = 0"
    killed_after_checkpoint(words, "state.global_step >= 10", often)
    assert not (tmp_path / "done.json").exists()
    state = json.loads(next(tmp_path.rglob("checkpoint-10/trainer_state.json")).read_text("utf-8"))
    monkeypatch.setattr(config, "HYPERPARAMETERS", DEFAULTS)  # as in the process that was killed
    stages: list[str] = []
    shares: list[float] = []
    stage = Reporter.stage
    monkeypatch.setattr(Reporter, "stage", lambda self, name, until: (stages.append(name), stage(self, name, until)))
    monkeypatch.setattr(Reporter, "step", lambda _, share: shares.append(share) if stages[-1] == "distilling" else None)
    status, lines, _ = run(*words)
    assert status == 0, lines[-1]
    assert shares[0] == pytest.approx(11 / state["max_steps"])
    assert lines[-1]["event"] == "done"
    assert not (tmp_path / "work").exists()


def test_a_killed_run_goes_on_with_what_the_teacher_said(teacher: Path, tmp_path: Path) -> None:
    loaded, heard = teachers.load(str(teacher)), list[float]()
    texts = [text for text, _ in messages(OPENINGS[:2])]
    first = loaded.probabilities_and_vectors(texts, tmp_path / "cache", heard.append)
    assert heard[-1] == 1.0
    heard.clear()
    assert np.array_equal(loaded.probabilities_and_vectors(texts, tmp_path / "cache", heard.append)[0], first[0])
    assert not heard


def test_the_loss_is_nothing_for_a_student_that_says_the_same_and_weighs_the_same_at_any_temperature() -> None:
    scores, targets = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]]), torch.tensor([-1, -1])
    none = torch.zeros(2, 1)
    gradients: list[float] = []
    for temperature in (1.0, 8.0, 16.0):
        hyperparameters = StudentHyperparameters(1e-3, 1, 2, alpha=0.5, temperature=temperature, hidden=0.0)
        assert distillation_loss(scores, none, torch.softmax(scores, 1), none, targets, hyperparameters).abs() < 1e-5
        ours = torch.zeros(2, 3, requires_grad=True)
        loss: Any = distillation_loss(ours, none, torch.softmax(scores, 1), none, targets, hyperparameters)
        loss.backward()
        gradients.append(float(np.linalg.norm(np.asarray(ours.grad))))
    assert gradients[1] == pytest.approx(gradients[2], rel=0.15)


def test_a_label_weighs_what_alpha_leaves_it() -> None:
    scores, soft, none = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]), torch.zeros(1, 1)
    losses = [
        float(
            distillation_loss(
                scores + torch.tensor([[3.0, 0.0]]),
                none,
                soft,
                none,
                torch.tensor([1]),
                StudentHyperparameters(1e-3, 1, 1, alpha, 1, 0),
            )
        )
        for alpha in (0.0, 0.5, 1.0)
    ]
    assert losses[0] > losses[1] > losses[2]
    assert losses[2] == pytest.approx(float(torch.nn.functional.softplus(torch.tensor(-3.0))), abs=1e-4)


def test_a_student_without_test_messages_says_so(teacher: Path, pool: Path, tmp_path: Path) -> None:
    status, lines, _ = run(*command(teacher, pool, tmp_path / "out", "--hidden", 16))
    assert status == 0, lines[-1]
    assert lines[-1]["accuracy"] is None
    assert lines[-1]["gate"] is None
    assert "no test messages" in " ".join(note["text"] for note in lines[-1]["notes"])


def test_two_teachers_are_averaged_and_texts_of_the_test_are_not_learned(
    teacher: Path, base: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    other = teach(tmp_path / "other", tiny.bert(tmp_path / "tiny", seed=5))
    both = teachers.load(f"{teacher},{other}")
    texts = [text for text, _ in messages(OPENINGS[:2])]
    alone = [teachers.load(str(each)).classify(texts) for each in (teacher, other)]
    assert np.allclose(both.classify(texts), (alone[0] + alone[1]) / 2, atol=1e-5)
    pool = write_csv(tmp_path / "pool.csv", messages(OPENINGS[:8]))
    status, lines, _ = run(
        *command(f"{teacher},{other}", pool, tmp_path / "out", "--test", files[1], "--hidden", 16, "--against", teacher)
    )
    assert status == 0, lines[-1]
    assert any("left out" in note["text"] for note in lines[-1]["notes"])
    assert lines[-1]["against"]["name"] == str(teacher)


def test_likely_labels_are_as_often_right_as_the_teacher_thinks() -> None:
    soft = np.tile(np.array([[0.7, 0.3]], np.float32), (4000, 1))
    drawn = draw_labels(np.full(4000, -1), soft, seed=0)
    assert (drawn == 0).mean() == pytest.approx(0.7, abs=0.03)
    assert (draw_labels(np.ones(4000, np.int64), soft, seed=0) == 1).all()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (["--temperature", 0], "above 0"),
        (["--temperature", "nan"], "above 0"),
        (["--alpha", 1.5], "between 0 and 1"),
        (["--alpha", 0], "give --train"),
        (["--student", "minilm"], "smaller student"),
        (["--student", "/no/such/folder"], "does not exist"),
        (["--student", "lstm", "--word-vectors", "/no/such/file"], "check the path"),
        (["--texts", "EMPTY"], "no rows with a text"),
        (["--against", "/no/such/bundle", "--test", "TEST"], "/no/such/bundle"),
    ],
)
def test_what_cannot_be_done_gets_a_sentence(
    more: list[Any], sentence: str, teacher: Path, pool: Path, files: tuple[Path, Path], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("text,label\n,thanks\n", "utf-8")
    given = [{"EMPTY": empty, "TEST": files[1]}.get(each, each) for each in more]
    status, lines, _ = run(*command(teacher, pool, tmp_path / "out", "--hidden", 16, *given))
    assert status == 2
    assert lines[-1]["event"] == "error"
    assert sentence in lines[-1]["message"], lines[-1]
    assert not (tmp_path / "out" / "bundle").exists()


def test_altered_teachers_and_teachers_of_other_labels_get_a_sentence(
    teacher: Path, base: Path, pool: Path, tmp_path: Path
) -> None:
    other = teach(tmp_path / "other", base, (*LABELS[:2], "lunch"))
    altered = Path(shutil.copytree(teacher, tmp_path / "altered"))
    (altered / "head.safetensors").write_bytes(b"x")
    for names, sentence in (
        (f"{teacher},{other}", "same labels"),
        (altered, "altered"),
        (tmp_path / "none", "no bundle"),
    ):
        status, lines, _ = run(*command(names, pool, tmp_path / "out"))
        assert status == 2
        assert sentence in lines[-1]["message"]


def test_the_loss_that_is_no_number_stops_with_its_step(teacher: Path, base: Path, tmp_path: Path) -> None:
    texts = [text for text, _ in messages(OPENINGS[:2])]
    vectors = np.full((len(texts), 4), np.nan, np.float32)
    soft = np.full((len(texts), 3), 1 / 3, np.float32)
    student = backbones.load(str(build.build("gru", texts, tmp_path / "gru", hidden=16)))
    with pytest.raises(ModelingError, match="step 1"):
        loop.train_student(
            student,
            DistillExamples(texts, soft, vectors, np.full(len(texts), -1)),
            BRISK,
            seed=0,
            work=tmp_path / "work",
            on_progress=lambda _: None,
        )


def test_where_memory_runs_out_batches_are_read_in_halves_and_teach_the_same(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [text for text, _ in messages(OPENINGS[:2])]
    soft, vectors = teachers.load(str(teacher)).probabilities_and_vectors(texts, tmp_path / "cache", lambda _: None)
    examples = DistillExamples(texts, soft, vectors, np.full(len(texts), -1))
    folder = build.build("gru", texts, tmp_path / "gru", hidden=16)
    forward, fits = loop.StudentModel.forward, BRISK.batch

    def limited(self: loop.StudentModel, texts: list[str], **more: Any) -> Any:
        if len(texts) > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        return forward(self, texts, **more)

    def imitated() -> Any:
        return loop.train_student(
            backbones.load(str(folder)), examples, BRISK, seed=3, work=tmp_path / "work", on_progress=lambda _: None
        )

    monkeypatch.setattr(loop.StudentModel, "forward", limited)
    whole = imitated()
    fits = (BRISK.batch + 1) // 2
    assert np.abs(imitated()[1] - whole[1]).max() < 0.1  # of up to 8: they are not added up in the same order
    fits = 1
    with pytest.raises(ModelingError, match="not enough memory to teach this student"):
        imitated()


def test_the_command_explains_itself() -> None:
    from modeling.cli.app import app

    found = CliRunner().invoke(app, ["distill", "--help"])
    assert found.exit_code == 0
    assert "TEACHER" in found.stdout


def test_labels_that_look_like_the_teachers_are_the_teachers(tmp_path: Path) -> None:
    pool = write_csv(tmp_path / "pool.csv", [("one", "-"), ("two", "-")])
    train = write_csv(tmp_path / "train.csv", [("one", "Bug\u200b"), ("three", "BUG"), ("four", "idea")])
    test = write_csv(tmp_path / "test.csv", [("five", "bug"), ("six", "")])
    found = read_distill_dataset(pool, train, test).spelled_as(("bug", "praise"))
    assert dict(zip(found.texts, found.names, strict=True)) == {
        "one": "bug",
        "three": "bug",
        "four": "idea",
        "two": None,
    }
    assert found.test is not None
    assert found.test.labels == ("bug",)
    assert found.targets(("bug", "praise")).tolist() == [0, 0, -1, -1]
    assert [note.code for note in found.notes] == ["labels_alike", "rows_without_text_or_label"]
