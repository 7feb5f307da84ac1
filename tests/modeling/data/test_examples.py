from __future__ import annotations

from pathlib import Path

import pytest

from modeling.data.examples import read
from modeling.errors import ModelingError


def written(folder: Path, content: bytes | str) -> Path:
    path = folder / "rows.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_rows_are_read_cleaned_and_in_order(tmp_path: Path) -> None:
    found = read(written(tmp_path, 'id,text,label\n1," two\nlines ",x\n2,ok,y\n'))
    assert found.texts == ("two lines", "ok")
    assert found.labels == ("x", "y")
    assert found.notes == ()


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"\xef\xbb\xbftext,label\r\nhi,x\r\n")).texts == ("hi",)


def test_rows_with_nothing_to_read_are_left_out_and_said(tmp_path: Path) -> None:
    found = read(written(tmp_path, "text,label\nhi,x\n\u200b,x\nyes,\nshort\n"))
    assert found.texts == ("hi",)
    assert [str(note) for note in found.notes] == ["3 rows without text or label were left out."]


def test_repeated_texts_count_once_and_disputed_ones_not_at_all(tmp_path: Path) -> None:
    rows = "text,label\nhello,x\nHello ,x\nno,x\nno,y\nmore,y\nagain,y\n"
    found = read(written(tmp_path, rows), training=True)
    assert found.texts == ("hello", "more", "again")
    assert [str(note) for note in found.notes] == [
        "1 texts that carry several labels were left out.",
        "2 rows that repeat a text were left out.",
    ]
    assert len(read(written(tmp_path, rows))) == 6  # a test file is scored as it is


def test_the_hash_tells_texts_and_labels_apart(tmp_path: Path) -> None:
    one = read(written(tmp_path, "text,label\nab,c\n")).hash
    assert one != read(written(tmp_path, "text,label\na,bc\n")).hash
    assert one == read(written(tmp_path, "text,label\nab ,c\n")).hash


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "no column label and no column text"),
        ("text,tag\nhi,x\n", "no column label"),
        ("text,label\n", "no rows"),
        ("text,label\n \u200b,x\n", "no rows"),
        (b"text,label\ncaf\xe9,x\n", "not UTF-8"),
        ("text,label\nhi,x\nho,x\n", 'only the label "x"'),
        ("text,label\nhi,x\nhi,y\n", "carry another label too"),
        ("text,label\nhi,x\nho,y\n", "one example per label"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path: Path, content: bytes | str, words: str) -> None:
    with pytest.raises(ModelingError, match=words) as caught:
        read(written(tmp_path, content), training=True)
    assert str(tmp_path / "rows.csv") in caught.value.message
    assert "\n" not in caught.value.message


def test_a_file_that_is_not_there_and_a_folder_get_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(ModelingError, match="cannot be read"):
            read(path)


def test_a_huge_field_is_cut_and_not_refused(tmp_path: Path) -> None:
    found = read(written(tmp_path, "text,label\n" + "word " * 60_000 + ",x\n"))
    assert len(found.texts[0]) <= 2000
