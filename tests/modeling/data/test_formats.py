from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path

import datasets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modeling.data import formats
from modeling.data.examples import read
from modeling.errors import ModelingError
from modeling.text.names import is_reserved, tidy

COLUMNS = ("text", "label")
ROWS = [('hello, "you"\nthere', "x"), ("再见", "标签"), ("", "y"), ("a\tb", "x")]
TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=40)


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.ndjson", "a.parquet", "a"])
def test_what_is_written_in_any_format_is_read_again(tmp_path: Path, name: str) -> None:
    assert formats.write(tmp_path / name, COLUMNS, iter(ROWS)) == 4
    assert list(formats.rows(tmp_path / name, COLUMNS)) == ROWS
    assert list(formats.rows(tmp_path / name, ("label",))) == [(label,) for _, label in ROWS]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(ModelingError, match=r"no column (extra|wish)"):
        list(formats.rows(tmp_path / name, ("text", "wish")))
    with pytest.raises(ModelingError, match="exists already"):
        formats.write(tmp_path / name, COLUMNS, ROWS)


@given(st.lists(st.tuples(TEXT, TEXT.map(tidy).filter(lambda name: not is_reserved(name))), max_size=8))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_survives_csv_and_json_lines(tmp_path: Path, found: list[tuple[str, str]]) -> None:
    for name in ("b.csv", "b.jsonl"):
        (tmp_path / name).unlink(missing_ok=True)
        formats.write(tmp_path / name, COLUMNS, found)
        assert list(formats.rows(tmp_path / name, COLUMNS)) == found


def test_names_of_classes_and_parts_of_a_datasets_folder_are_understood(tmp_path: Path) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bug", "thanks"])}
    )
    part = datasets.Dataset.from_dict({"text": ["hi", "ho", "he"], "label": [1, 0, -1]}, features=features)
    datasets.DatasetDict({"train": part, "test": part}).save_to_disk(str(tmp_path / "all"))
    with pytest.raises(ModelingError, match=r"has the parts train, test: name one of them, as in .*all/train"):
        list(formats.rows(tmp_path / "all", COLUMNS))
    assert list(formats.rows(tmp_path / "all" / "train", COLUMNS)) == [("hi", "thanks"), ("ho", "bug"), ("he", "")]


@pytest.mark.parametrize(("name", "package"), [("a.parquet", "pyarrow"), ("a", "datasets")])
def test_a_format_whose_package_is_not_installed_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    for module in (package, f"{package}.parquet"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModelingError, match=f"needs the package {package}: install backchannel"):
        formats.write(tmp_path / name, COLUMNS, ROWS)
    if name == "a":
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").touch()
    else:
        (tmp_path / name).touch()
    with pytest.raises(ModelingError, match=f"needs the package {package}"):
        list(formats.rows(tmp_path / name, COLUMNS))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"text,label\nok,x\ncaf\xe9,x\n", r"not UTF-8 in line 3 \(byte 0xe9\); the lines before it are"),
        ("a.jsonl", b'{"text": "caf\xe9", "label": "x"}\n', r"not UTF-8 in line 1 \(byte 0xe9\): save"),
        ("a.csv", "text,label\nhi,x\n".encode("utf-16"), "not UTF-8 but UTF-16"),
        ("a.csv", b"text,label\nhi,x\n" + "né,x\n".encode("latin-1") + "né,x\n".encode(), "not UTF-8 in line 3"),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n["a"]\n', "no JSON object in line 2"),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n{"text"\n', "no JSON object in line 2"),
        ("a.jsonl", b'{"text": "a"}\n', "no column label: line 1 must name"),
    ],
)
def test_a_bad_file_gets_one_sentence_that_says_where(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelingError, match=words) as caught:
        read(tmp_path / name)
    assert "\n" not in caught.value.message


def test_a_damaged_parquet_file_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing else")
    with pytest.raises(ModelingError, match="not a readable Parquet file"):
        read(tmp_path / "a.parquet")


def test_numbers_and_nulls_in_json_are_text(tmp_path: Path) -> None:
    lines = [{"text": 5, "label": 1, "more": []}, {"text": None, "label": "x"}]
    (tmp_path / "a.jsonl").write_text("\n\n".join(map(json.dumps, lines)))
    assert list(formats.rows(tmp_path / "a.jsonl", COLUMNS)) == [("5", "1"), ("", "x")]


def test_an_unknown_ending_and_a_place_that_cannot_be_written_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelingError, match="none of the endings"):
        formats.write(tmp_path / "a.xlsx", COLUMNS, ROWS)
    with pytest.raises(ModelingError, match="cannot be written to"):
        formats.write(tmp_path / "none" / "a.csv", COLUMNS, ROWS)


def test_writing_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> object:
        yield ("a", "x")
        raise ModelingError("stopped")

    with pytest.raises(ModelingError, match="Stopped"):
        formats.write(tmp_path / "a.csv", COLUMNS, broken())  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []


def test_raw_messages_are_never_all_in_memory(tmp_path: Path) -> None:
    """Sixty texts of about 40,000 tokens each are 12 MB; read one by one they never take 4."""
    path = tmp_path / "long.csv"
    with path.open("w") as stream:
        stream.write("text,label\n")
        stream.writelines(f"{'word ' * 40_000}{row},x\n" for row in range(60))
    tracemalloc.start()
    found = read(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == 60
    assert max(map(len, found.texts)) <= 2000
    assert most < 4_000_000
