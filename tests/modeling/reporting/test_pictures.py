"""Pictures show texts and labels as they are written, and where one cannot be drawn the words come all the same."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from rich.cells import cell_len
from sklearn.metrics import confusion_matrix

from modeling.errors import ModelingError
from modeling.evaluation import bootstrap, curves
from modeling.evaluation.evaluate import Evaluation
from modeling.evaluation.throughput import Speed
from modeling.explanation.attribution import Attribution, Word
from modeling.explanation.explain import Explanation, Likely, Neighbour
from modeling.reporting import evaluation_plot, evaluation_report, explanation_plot, fonts, loss_plot
from modeling.reporting.drawing import attempt
from modeling.reporting.fonts import Fonts
from modeling.sentences.catalogue import Sentence, sentence

MEANT_AS_WRITTEN = (
    "$$",
    "$5 and then $10",
    "$x",
    r"\frac{1}{0}",
    r"C:\new\table",
    "snake_case^2",
    "_hidden",
    "50% & {more} #1 ~",
    "<b>bold</b>",
    "[/bug]",
    "שלום עולם",
    "مرحبا بالعالم",
    "naïve Ångström",
)
BUG, SHRUG = "\U0001f41b", "\U0001f937\U0001f3fd\u200d♂\ufe0f"  # no outline font that matplotlib brings has them
PLAIN = Fonts((fonts.PLAIN,))


def explained(text: str, label: str, *neighbours: Neighbour) -> Explanation:
    words = tuple(Word(found[0], found.start(), found.end(), found.span()) for found in re.finditer(r"\S+", text))
    attribution = Attribution("exact", words, np.linspace(1, -1, len(words)), 0.0)
    return Explanation(text, label, 0.6, 0.5, Likely(label, 0.4), attribution, neighbours, ())


def evaluated(*labels: str) -> Evaluation:
    rng, kinds = np.random.default_rng(0), len(labels)
    true = rng.permutation(np.arange(10 * kinds) % kinds)
    probabilities = rng.dirichlet(np.ones(kinds), len(true)).astype(np.float32)
    said = probabilities.argmax(1)
    return Evaluation(
        bundle=Path("bundle"),
        labels=labels,
        messages=len(true),
        figures=bootstrap.figures(said, true, kinds),
        ece=bootstrap.calibration_error(probabilities, true),
        matrix=confusion_matrix(true, said, labels=range(kinds)),
        reliability=curves.reliability(probabilities, true),
        coverage=curves.coverage(probabilities, true),
        at_thresholds=curves.at_thresholds(probabilities, true, np.full(kinds, 0.6, np.float32)),
        out_of_scope=None,
        speed=Speed(1234.5, 3.2, 9.9),
        size=1,
        against=None,
        comparison=None,
        notes=(),
    )


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts of the pictures that are drawn, each of which must be drawn letter by letter."""
    texts, savefig = list[str](), Figure.savefig

    def recording(figure: Figure, *arguments: object, **options: object) -> None:
        for text in figure.findobj(Text):
            assert isinstance(text, Text)
            assert not text.get_parse_math()
            assert not text.get_usetex()
            texts.append(text.get_text())
        savefig(figure, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Figure, "savefig", recording)
    return texts


@pytest.mark.parametrize("written", MEANT_AS_WRITTEN)
def test_an_explanation_shows_message_label_and_neighbours_as_they_are_written(drawn: list[str], written: str) -> None:
    png = explanation_plot.png(explained(f"I saw {written}", written, Neighbour(written, written, 0.9)), "en")
    assert png.startswith(b"\x89PNG")
    assert {"I", "saw", *written.split()} <= set(drawn)
    assert f"{written} 60% (said from 50%)" in drawn
    assert f"{written}: {written}" in drawn


def test_an_evaluation_shows_its_labels_as_they_are_written(drawn: list[str]) -> None:
    for start in range(0, len(MEANT_AS_WRITTEN), evaluation_plot.LABELS):
        labels = MEANT_AS_WRITTEN[start : start + evaluation_plot.LABELS]
        assert evaluation_plot.png(evaluated(*labels), "en").startswith(b"\x89PNG")
        shown = " ".join(drawn)
        assert not [label for label in labels if label not in shown]


def test_a_settings_file_of_matplotlibs_turns_no_picture_into_mathematics(drawn: list[str]) -> None:
    with rc_context({"text.usetex": True, "text.parse_math": True}):
        assert explanation_plot.png(explained("it costs $5 or $10", "$bug$"), "zh").startswith(b"\x89PNG")
        assert evaluation_plot.png(evaluated("$bug$", "$idea$"), "zh").startswith(b"\x89PNG")
        assert loss_plot.png([(1, 2.0), (2, 1.0)], (2.0, 1.0), "MLM $x$").startswith(b"\x89PNG")
    assert "MLM $x$" in drawn


def test_dollars_are_ink_on_the_picture() -> None:
    """The same message with other letters in the place of its dollars is as wide, which mathematics would not be."""

    def right_end(text: str) -> int:
        figure = Figure(figsize=(4, 1), dpi=100)
        figure.text(0, 0.5, text)
        ink = np.asarray(Image.open(io.BytesIO(PLAIN.png(figure))).convert("L")) < 128
        return int(np.flatnonzero(ink.any(0))[-1])

    assert right_end("$5andthen$10") > right_end("5andthen10") + 8


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=12))
def test_whatever_a_name_is_made_of_it_is_one_line_without_boxes(name: str) -> None:
    [shown] = fonts.named([name], PLAIN, 18)
    assert shown is None or (PLAIN.can_draw(shown) and not re.search(r"[^\S ]", shown) and cell_len(shown) <= 18)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (f"{BUG} bug", "[bug] bug"),
        (BUG, "[bug]"),
        (SHRUG, "[shrug]\u200d♂\ufe0f"),
        ("\U0001f1e9\U0001f1ea", "DE"),
        ("1\ufe0f\u20e3 first", "1\ufe0f first"),
        ("two\nlines\tand more", "two lines and mo…"),
        ("故障", None),
    ],
)
def test_what_no_font_has_is_named_where_it_has_a_name(name: str, shown: str | None) -> None:
    assert fonts.named([name], PLAIN, 17) == [shown]


def test_an_emoji_in_a_message_is_named_and_a_word_in_an_unknown_script_has_its_number(drawn: list[str]) -> None:
    explanation_plot.png(explained(f"it {BUG} \U0001e900\U0001e901", BUG), "en")
    assert {"it", "[bug]", "[3]", "[bug] 60% (said from 50%)"} <= set(drawn)


def order(text: str) -> list[str]:
    """The words of a message from left to right, as its picture has them; every line begins anew."""
    placed = explanation_plot._in_reading_order(list(explanation_plot._placed(explained(text, "bug"), PLAIN)))  # pyright: ignore[reportPrivateUsage]
    assert all(word.column >= 0 and word.column + cell_len(word.text) <= explanation_plot.COLUMNS for word in placed)
    return [word.text for word in sorted(placed, key=lambda word: (word.line, word.column))]


def test_words_stand_in_the_order_in_which_their_script_is_read() -> None:
    assert order("the card is gone") == ["the", "card", "is", "gone"]
    assert order("אחת שתיים שלוש") == ["שלוש", "שתיים", "אחת"]
    assert order("open אחת שתיים now") == ["open", "שתיים", "אחת", "now"]
    assert order("אחת open it שתיים") == ["שתיים", "open", "it", "אחת"]
    assert order("אחת 12 שתיים 13") == ["13", "שתיים", "12", "אחת"]
    assert order("pay אחת 12 שתיים 13 $") == ["pay", "שתיים", "12", "אחת", "13", "$"]
    assert order("1 2 3") == ["1", "2", "3"]


def test_a_message_that_is_read_from_the_right_begins_there() -> None:
    [first, *_] = explanation_plot._in_reading_order(  # pyright: ignore[reportPrivateUsage]
        list(explanation_plot._placed(explained("אחת שתיים", "bug"), PLAIN))  # pyright: ignore[reportPrivateUsage]
    )
    assert first.text == "אחת"
    assert first.column + cell_len(first.text) == explanation_plot.COLUMNS


# ── where nothing can be drawn ─────────────────────────────────────────────────────────────────────


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("the fonts are gone")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_picture_that_cannot_be_drawn_is_a_sentence(language: str) -> None:
    assert attempt(lambda: 1) == 1
    problem = attempt(broken)
    assert problem == sentence("picture_not_drawn", reason="RuntimeError: the fonts are gone")
    assert isinstance(problem, Sentence)
    assert ("文字" if language == "zh" else "in the words") in problem.render(language)


@pytest.mark.parametrize("file", ["no/folder.png", "picture.png"])
def test_an_evaluation_without_a_picture_says_so_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    if file == "picture.png":
        monkeypatch.setattr(Figure, "savefig", broken)
    evaluation, there = evaluation_report.drawn(evaluated("bug", "idea"), tmp_path / file, "en")
    assert not there
    assert "There is no picture" in str(evaluation.notes[0])
    assert evaluation_report.event(evaluation).accuracy == round(evaluation.figures.accuracy.value, 4)


def test_an_evaluation_with_a_picture_says_nothing_of_it(tmp_path: Path) -> None:
    evaluation, there = evaluation_report.drawn(evaluated("bug", "idea"), tmp_path / "picture.png", "en")
    assert there
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert evaluation.notes == ()


def test_a_json_file_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelingError, match="cannot be written to"):
        evaluation_report.write(evaluated("bug", "idea"), tmp_path)
