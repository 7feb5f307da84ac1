"""JSON and columns of other kinds: a list, an object or a number is never read by Python's spelling of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from modeling.data.examples import Examples, read
from modeling.errors import ModelingError

PLAIN = {"text": "it works", "label": "praise"}


def lines(folder: Path, *found: Any, name: str = "rows.jsonl") -> Path:
    (folder / name).write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in found), "utf-8")
    return folder / name


def of(folder: Path, *found: Any, name: str = "rows.jsonl") -> Examples:
    return read(lines(folder, *found, name=name))


@pytest.mark.parametrize(
    ("written", "label"),
    [
        ('["bug"]', "bug"),
        ('["bug", "Bug", null]', "bug"),
        ("\"['bug']\"", "bug"),
        ('"[/bug]"', "[/bug]"),
        ('" bug\\u200b"', "bug"),
        ('{"choices": ["bug"]}', "bug"),
        ('{"choices": "bug"}', "bug"),
        ("1", "1"),
        ("1.0", "1"),
        ("[1.0]", "1"),
        ("0.50", "0.5"),
        ("true", "true"),
    ],
)
def test_a_label_is_read_as_what_it_means(tmp_path: Path, written: str, label: str) -> None:
    assert of(tmp_path, f'{{"text": "it fails", "label": {written}}}').labels == (label,)


@pytest.mark.parametrize(
    "written", ["[]", "null", "NaN", "Infinity", "1e999", '""', '"\\u200b"', '"[]"', "[null]", '{"choices": []}']
)
def test_what_is_no_label_is_none(tmp_path: Path, written: str) -> None:
    found = of(tmp_path, PLAIN, f'{{"text": "it fails", "label": {written}}}')
    assert found.labels == ("praise",)
    assert [note.text for note in found.notes] == ["1 rows without text or label were left out."]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"text": "a", "label": ["bug", "urgent"]}, r'several labels for one message in line 2 \("bug", "urgent"\)'),
        ({"text": "a", "label": "['bug', 'urgent']"}, "several labels for one message in line 2"),
        ({"text": "a", "label": {"name": "bug"}}, "an object as label in line 2"),
        ({"text": "a", "label": [{"name": "bug"}]}, "an object as label in line 2"),
        ({"text": "a", "label": [[0, 4, "LOC"]]}, "labels parts of a text in line 2"),
        ({"text": {"body": "a"}, "label": "bug"}, "an object as text in line 2"),
        ({"text": ["a", 5], "label": "bug"}, "a list of something else as text in line 2"),
        ({"text": ["a", {"url": "b"}], "label": "bug"}, "a list of something else as text in line 2"),
        ({"text": "a", "label": "bug\ud83d"}, "half a character in the label .* in line 2"),
        ({"text": "a", "label": "None"}, 'calls a label "None" in line 2, which means something else'),
        ({"text": "a", "label": ["skip"]}, 'calls a label "skip" in line 2'),
        ({"text": "a", "Text": "b", "label": "bug"}, 'column "text" twice in line 2'),
        ('{"text": "a", "text": "b", "label": "bug"}', 'column "text" twice in line 2'),
        ('{"text": "a", "label": "bug"} {}', "no JSON object in line 2"),
        ('{"text": ' + "[" * 3000 + "]" * 3000 + "}", "nests brackets too deeply in line 2"),
        ('{"text": "a", "label": ' + "9" * 5000 + "}", "no JSON object in line 2"),
    ],
)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_what_cannot_be_read_is_refused_with_its_line(tmp_path: Path, row: Any, words: str, name: str) -> None:
    written = row if isinstance(row, str) else json.dumps(row)
    written = f"[{json.dumps(PLAIN)},\n{written}]" if name == "rows.json" else f"{json.dumps(PLAIN)}\n{written}\n"
    (tmp_path / name).write_text(written, "utf-8")
    with pytest.raises(ModelingError, match=words):
        read(tmp_path / name)


def test_the_parts_of_a_rich_text_are_joined(tmp_path: Path) -> None:
    parts = ["See ", {"type": "bold", "text": "the page"}, " and ", {"type": "link", "text": "this"}, "."]
    assert of(tmp_path, {"text": parts, "label": "bug"}).texts == ("See the page and this.",)


def test_half_a_character_in_a_text_is_left_out_of_it(tmp_path: Path) -> None:
    assert of(tmp_path, {"text": "half \ud83d here \ud83d\ude00", "label": "bug"}).texts == ("half here 😀",)


@pytest.mark.parametrize(
    "content",
    [
        '[{"text": "a b", "label": "x"}, {"Text": "c d", "LABEL": "y"}]',
        '[\n  {\n    "text": "a b",\n    "label": "x"\n  },\n  {"text": "c d", "label": "y"}\n]\n',
        '{"text": "a b", "label": "x"}\n\n{"text": "c d", "label": "y"}\n',
    ],
)
@pytest.mark.parametrize("name", ["rows.json", "rows.jsonl"])
def test_a_list_and_lines_of_objects_are_read_under_any_ending(tmp_path: Path, content: str, name: str) -> None:
    (tmp_path / name).write_text(content)
    assert list(read(tmp_path / name).rows()) == [("a b", "x"), ("c d", "y")]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[\n{"text": "a", "label": "x"},\n\n"b"]', 4),
        ('[\n{"text": "a",\n "label": "x"},\n{"text": "b",\n "label" "y"}]', 5),
        ('[{"text": "a",\n"label": "x"}\n\n{"text": "b"}]', 4),
        ('[{"text": "a", "label": "x"},\n{"text": "b"', 2),
        ('[{"text": "a", "label": "x"}]\n\nmore', 3),
        ('{\n"text": "a", "label": "x"}\nmore', 3),
    ],
)
def test_a_mistake_in_a_list_is_said_with_its_line(tmp_path: Path, content: str, line: int) -> None:
    (tmp_path / "rows.json").write_text(content)
    with pytest.raises(ModelingError, match=f"no JSON object in line {line}:"):
        read(tmp_path / "rows.json")


def test_columns_of_parquet_mean_the_same(tmp_path: Path) -> None:
    def written(label: list[Any]) -> Path:
        text = [f"message {row}" for row in range(len(label))]
        pyarrow.parquet.write_table(pyarrow.table({"Text": text, "Label": label}), tmp_path / "rows.parquet")
        return tmp_path / "rows.parquet"

    assert read(written([1.0, float("nan"), 2.0])).labels == ("1", "2")
    assert read(written([["bug"], [], ["praise"]])).labels == ("bug", "praise")
    with pytest.raises(ModelingError, match="several labels for one message in row 2"):
        read(written([["bug"], ["bug", "praise"]]))


def test_labels_that_look_the_same_are_one_and_said(tmp_path: Path) -> None:
    found = of(
        tmp_path, *({"text": f"message {label}", "label": label} for label in ("Bug", "bug", "praise", "bug\u200b"))
    )
    assert found.labels == ("bug", "bug", "praise", "bug")
    assert [note.text for note in found.notes] == ['Labels that look the same count as one: "Bug", "bug".']
