"""Tables as text: other separators and spellings are understood, other shapes are said with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeling.data.examples import Examples, read
from modeling.data.formats import rows
from modeling.errors import ModelingError

ROWS = [("It crashes, again", "bug"), ('She said "hi"', "praise")]


def given(folder: Path, content: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode())
    return path


def of(folder: Path, content: str, name: str = "rows.csv") -> Examples:
    return read(given(folder, content, name))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ('text;label\n"It crashes, again";bug\n"She said ""hi""";praise\n', "a.csv"),
        ('text\tlabel\nIt crashes, again\tbug\n"She said ""hi"""\tpraise\n', "a.csv"),
        ('text\tlabel\nIt crashes, again\tbug\n"She said ""hi"""\tpraise\n', "a.tsv"),
        ('text|label\nIt crashes, again|bug\n"She said ""hi"""|praise\n', "a.txt"),
        ('sep=;\ntext;label\nIt crashes, again;bug\n"She said ""hi""";praise\n', "a.csv"),
        ('sep=,\r\nText,Label\r\n"It crashes, again",bug\r\n"She said ""hi""",praise\r\n', "a.csv"),
        ('\ufeff" TEXT ",LABEL\n"It crashes, again",bug\n"She said ""hi""",praise\n', "a.csv"),
        ('\n\nid,text,label,\n1,"It crashes, again",bug,\n2,"She said ""hi""",praise,\n', "a.csv"),
        ('ｔｅｘｔ,label\n"It crashes, again",bug\n"She said ""hi""",praise\n', "a.csv"),
    ],
)
def test_other_separators_and_spellings_of_the_header_are_understood(tmp_path: Path, content: str, name: str) -> None:
    found = of(tmp_path, content, name)
    assert list(found.rows()) == ROWS
    assert found.notes == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "text,label\nIt crashes,bug\nIt is slow, at times it hangs,bug\n",
            r'3 fields in line 3, but 2 columns.* with ","',
        ),
        ("text;label\na;b;c\n", r'3 fields in line 2, but 2 columns.* with ";"'),
        ("text\tlabel\na\tb\tc\n", r'with "\\t"'),
        ("sep=,\ntext,label\na,b,c\n", "in line 3"),
        ('text,label\nfine,bug\n"It never ends,bug\nthanks,praise\n', "opens a quote in line 3 that nothing closes"),
        (
            'text,label\n"Lost here,bug\nthanks,praise\n"So it says",bug\n',
            "closing quote in the row that begins in line 2",
        ),
        (
            'text,label\nfine,bug\n"Press \\"OK\\" twice",bug\n',
            "quote after a backslash in the row that begins in line 3",
        ),
        ('text,label\n"two\nlines",bug\na,b,c\n', "in line 4"),
        ("text,label,Text\na,b,c\n", 'column "text" twice in its first line'),
        ("text,label,label\na,b,c\n", 'column "label" twice'),
        ("[]{},label\na,b\n", "no column text"),
    ],
)
def test_a_table_of_another_shape_is_refused_with_its_line(tmp_path: Path, content: str, words: str) -> None:
    with pytest.raises(ModelingError, match=words) as caught:
        of(tmp_path, content)
    assert str(tmp_path / "rows.csv") in caught.value.message


def test_a_header_that_stands_twice_is_left_out_and_said(tmp_path: Path) -> None:
    found = of(tmp_path, "text,label\nfine,bug\ntext,label\nText, LABEL\ngood,praise\n")
    assert list(found.rows()) == [("fine", "bug"), ("good", "praise")]
    assert [note.text for note in found.notes] == [
        "2 rows that repeat the names of the columns were left out, the first in line 3."
    ]


def test_rows_that_a_lost_quote_joined_are_said(tmp_path: Path) -> None:
    lost = 'text,label\nfine,bug\n"one,bug\ntwo,praise\nthree,bug\nfour",praise\n'
    assert [note.text for note in of(tmp_path, lost).notes] == [
        "The text in line 3 has 3 lines that look like rows of their own: check whether a quote is missing."
    ]
    written = 'text,label\nfine,bug\n"Dear all,\nthanks, Bob\nPS: one, two",praise\n'
    assert of(tmp_path, written).notes == ()


def test_rows_that_are_too_short_are_left_out_and_said(tmp_path: Path) -> None:
    found = of(tmp_path, "id,text,label\n1,fine,bug\n2,a text alone\n3\n\n4,good,praise\n")
    assert list(found.rows()) == [("fine", "bug"), ("good", "praise")]
    assert [note.text for note in found.notes] == ["2 rows without text or label were left out."]


def test_empty_fields_beyond_the_last_column_do_no_harm(tmp_path: Path) -> None:
    assert list(of(tmp_path, "text,label\nfine,bug,,\n").rows()) == [("fine", "bug")]


def test_a_column_alone_is_read_whatever_parts_the_others(tmp_path: Path) -> None:
    path = given(tmp_path, "id;text\n1;a, b\n")
    assert list(rows(path, ("text",))) == [("a, b",)]


def test_a_workbook_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(b"PK\x03\x04\xff\xfe\x00")
    with pytest.raises(ModelingError, match="packed or a workbook"):
        read(tmp_path / "rows.csv")
