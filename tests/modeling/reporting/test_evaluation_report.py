"""An evaluation as people and programs see it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from sklearn.metrics import confusion_matrix

from modeling.errors import ModelingError
from modeling.evaluation import bootstrap, curves, evaluate, significance
from modeling.evaluation.evaluate import Evaluation
from modeling.evaluation.throughput import Speed
from modeling.reporting import evaluation_plot, evaluation_report, fonts
from modeling.reporting.fonts import Fonts
from modeling.sentences.catalogue import sentence

NAMES = ("thanks", "故障报告", "🤷", "a_very_long_name_that_no_phone_can_show")


@pytest.fixture(scope="module")
def found() -> Evaluation:
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 200)
    probabilities = ((rng.dirichlet(np.ones(4), 200) + 0.3 * np.eye(4)[true]) / 1.3).astype(np.float32)
    said = probabilities.argmax(1)
    return Evaluation(
        bundle=Path("bundle"),
        labels=NAMES,
        messages=200,
        figures=bootstrap.figures(said, true, 4),
        ece=bootstrap.calibration_error(probabilities, true),
        matrix=confusion_matrix(true, said),
        reliability=curves.reliability(probabilities, true),
        coverage=curves.coverage(probabilities, true),
        at_thresholds=curves.at_thresholds(probabilities, true, np.full(4, 0.6, np.float32)),
        out_of_scope=curves.out_of_scope(rng.random(200), rng.random(50) + 0.3),
        speed=Speed(1234.5, 3.2, 9.9),
        size=91_700_000,
        against=Path("other"),
        comparison=significance.compare(said, (said + (rng.random(200) < 0.2)) % 4, true, 4),
        notes=(sentence("rows_without_text_or_label", count=1),),
    )


def test_everything_is_in_the_json_and_it_is_json(found: Evaluation) -> None:
    line = evaluation_report.event(found).model_dump_json()
    assert "NaN" not in line
    event = json.loads(line)
    assert event["event"] == "evaluated"
    assert event["accuracy"] == event["intervals"]["accuracy"][0]
    assert "percentile bootstrap" in event["intervals"]["method"]
    assert set(event["per_label"]) == set(NAMES)
    assert sum(cell["messages"] for cell in event["confusion"]) == 200
    assert event["coverage"][-1]["coverage"] == 1
    assert event["out_of_scope"]["messages"] == 50
    assert event["against"]["mcnemar"]["method"]
    assert event["numbered"] == {str(place): name for place, name in enumerate(NAMES, 1)}


def test_without_the_optional_parts_their_places_are_null(found: Evaluation) -> None:
    event = evaluation_report.event(replace(found, out_of_scope=None, against=None, comparison=None))
    assert event.out_of_scope is None
    assert event.against is None


def test_the_tables_show_the_figures_the_weakest_label_first_and_the_mix_ups(found: Evaluation) -> None:
    console = Console(file=io.StringIO(), width=100)
    console.print(evaluation_report.as_tables(found))
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for words in (
        "accuracy",
        "AUROC, 50 out of scope",
        "McNemar",
        "1,23",
        "91.7 MB",
        "taken for",
        "left out",
        "resamples",
    ):
        assert words in shown
    weakest = min(found.figures.per_label.items(), key=lambda each: each[1].f1.value)[0]
    rows = [line for line in shown[shown.index("weakest first") :].splitlines() if "│" in line]
    assert NAMES[weakest][:6] in rows[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture_is_a_png_for_a_phone(found: Evaluation, language: str) -> None:
    drawn = evaluation_plot.png(found, language)
    assert drawn.startswith(b"\x89PNG")
    assert int.from_bytes(drawn[16:20], "big") == 900
    assert 20_000 < len(drawn) < 1_000_000


def test_both_languages_have_the_same_words() -> None:
    assert set(evaluation_plot.WORDS["en"]) == set(evaluation_plot.WORDS["zh"])


def test_no_name_becomes_boxes() -> None:
    plain = Fonts((fonts.PLAIN,))
    assert fonts.named(NAMES, plain, 18) == ["thanks", None, "[shrug]", "a_very_long_name_…"]
    assert fonts.named(["thanks 🤷", "报告 x"], plain, 18) == ["thanks [shrug]", None]


def test_a_chinese_character_is_as_wide_as_two_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fonts, "can_draw", lambda *_: True)
    assert fonts.named(["会议安排与时间", "会议"], Fonts((fonts.PLAIN,)), 8) == ["会议安…", "会议"]


def test_without_a_chinese_font_the_picture_has_numbers_and_english_words(
    found: Evaluation, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setattr(fonts, "find", lambda: Fonts((fonts.PLAIN,)))
    assert evaluation_plot.png(found, "zh").startswith(b"\x89PNG")
    assert not [each for each in recwarn if "Glyph" in str(each.message)]
    assert evaluation_report.legend(found).startswith("In the picture: 1 thanks, 2 故障报告, 3 🤷")


def test_a_chinese_font_is_found_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import font_manager

    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    assert fonts.find() == Fonts((fonts.PLAIN,))
    entry = font_manager.FontEntry(name="WenQuanYi Zen Hei")
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [entry])
    assert fonts.find() == Fonts((fonts.PLAIN, "WenQuanYi Zen Hei"))


def test_labels_of_the_test_file_alone_count_as_wrong_and_are_named() -> None:
    from modeling.data.examples import Examples

    notes = evaluate._unknown(("a", "b"), Examples(("x", "y", "z"), ("a", "new", "new")))  # pyright: ignore[reportPrivateUsage]
    assert [str(note) for note in notes] == [
        '2 messages carry labels that the bundle does not know ("new"): they count as wrong.'
    ]
    with pytest.raises(ModelingError, match='knows none of the labels of the test messages, such as "new"'):
        evaluate._unknown(("a", "b"), Examples(("y",), ("new",)))  # pyright: ignore[reportPrivateUsage]
