"""Rows of named columns in and out: tables as text, JSON, Parquet, and folders of Hugging Face `datasets`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from modeling.atomic_files import written_atomically
from modeling.data import json_rows, lines, tables
from modeling.data.exports import REJECTED, needed, shape_of
from modeling.data.values import Unreadable, as_label, as_text
from modeling.errors import ModelingError, short
from modeling.sentences.catalogue import Sentence, sentence

AT_ONCE = 1000  # rows in memory at a time where a file is read in portions
_PARTS = "dataset_dict.json"

Row = tuple[str, ...]
Numbered = Iterator[tuple[int, Mapping[str, Any]]]  # a line or row, and its columns


def rows(path: Path, columns: Sequence[str], notes: list[Sentence] | None = None) -> Iterator[Row]:
    """Yield these columns of every row, "" where there is nothing; other columns are ignored.

    The ending says what a file is: .jsonl, .ndjson or .json, .parquet, anything else is a table as text; a folder is
    one that `datasets` saved. An export of a program in which people label is read by its answers, and `notes` gets
    what was left out. Nothing but a portion is held in memory, except of one JSON list. Raises ModelingError with what
    is wrong, and where.
    """
    left_out: list[Sentence] = [] if notes is None else notes
    read, where = _reader(path)
    try:
        yield from _values(path, columns, read(path, columns, left_out), where, left_out)
    except UnicodeDecodeError:
        raise lines.not_utf8(path) from None
    except OSError as error:
        raise ModelingError("file_not_read", path=path, reason=error.strerror or str(error)) from None


def _values(path: Path, columns: Sequence[str], read: Numbered, where: str, notes: list[Sentence]) -> Iterator[Row]:
    as_column = [as_label if column == "label" else as_text for column in columns]
    names: Collection[str] | None = None
    rejected = 0
    for number, row in read:
        try:
            if names is None or row.keys() != names:
                names, shape = row.keys(), shape_of(row.keys(), columns)
            for values in shape(row):  # pyright: ignore[reportPossiblyUnboundVariable]
                if REJECTED in values:
                    rejected += 1
                else:
                    yield tuple(convert(value) for convert, value in zip(as_column, values, strict=True))
        except Unreadable as error:
            raise error.at(path, sentence(where, line=number)) from None
        except (AttributeError, KeyError, TypeError):
            raise ModelingError("export_unknown", path=path, where=sentence(where, line=number)) from None
    if rejected:
        notes.append(sentence("rows_rejected", count=rejected))


def write(path: Path, columns: Sequence[str], records: Iterable[Row]) -> int:
    """Write rows in the format that the name's ending means, "" a `datasets` folder; return how many.

    A file is there whole or not at all. Raises ModelingError when it cannot be written, or lies there already.
    """
    if path.exists():
        raise ModelingError("file_exists", path=path)
    try:
        with written_atomically(path) as draft:
            return _writer(path)(draft, tuple(columns), records)
    except OSError as error:
        raise ModelingError("file_not_written", path=path, reason=error.strerror or str(error)) from None


def _reader(path: Path) -> tuple[Callable[[Path, Sequence[str], list[Sentence]], Numbered], str]:
    """Return what reads a file, and the sentence that says where in it something is."""
    if path.is_dir() and any((path / name).exists() for name in ("state.json", _PARTS)):
        return _read_datasets, "where_row"
    if path.suffix in (".jsonl", ".ndjson", ".json"):
        return json_rows.read, "where_line"
    return (_read_parquet, "where_row") if path.suffix == ".parquet" else (tables.read, "where_line")


def _writer(path: Path) -> Callable[[Path, Row, Iterable[Row]], int]:
    writers = {".csv": _write_csv, ".jsonl": _write_jsonl, ".ndjson": _write_jsonl, ".parquet": _write_parquet}
    if path.suffix in writers:
        return writers[path.suffix]
    if path.suffix:
        raise ModelingError("ending_unknown", path=path, endings=list(writers))
    return _write_datasets


def _read_parquet(path: Path, columns: Sequence[str], notes: list[Sentence]) -> Numbered:
    parquet = _needed("pyarrow", "pyarrow.parquet")
    from pyarrow.lib import ArrowException  # pyright: ignore[reportMissingImports]

    try:
        with parquet.ParquetFile(path) as file:
            names = _wanted(path, file.schema_arrow.names, columns)
            number = 0
            for batch in file.iter_batches(AT_ONCE, columns=names):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except ArrowException as error:
        raise ModelingError("parquet_unreadable", path=path, reason=short(error)) from None


def _read_datasets(path: Path, columns: Sequence[str], notes: list[Sentence]) -> Numbered:
    if (path / _PARTS).exists():
        parts = json.loads((path / _PARTS).read_text("utf-8")).get("splits", ())
        raise ModelingError("dataset_has_parts", path=path, parts=parts, example=path / parts[0])
    dataset = _needed("datasets").load_from_disk(str(path))
    names = _wanted(path, dataset.column_names, columns)
    spelled = {name: getattr(dataset.features[name], "int2str", None) for name in names}
    for start in range(0, len(dataset), AT_ONCE):
        portion = dataset[start : start + AT_ONCE]
        for number, row in enumerate(zip(*(portion[name] for name in names), strict=True), start + 1):
            yield number, {name: _named(spelled[name], value) for name, value in zip(names, row, strict=True)}


def _wanted(path: Path, names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Return the columns to read. Raises ModelingError where a wanted one is missing, or twice."""
    try:
        shape_of(names, columns)
    except Unreadable as error:
        raise error.at(path, sentence("where_whole")) from None
    return needed(names, columns)


def _write_csv(path: Path, columns: Row, records: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for row in records:
            writer.writerow(row)
            count += 1
    return count


def _write_jsonl(path: Path, columns: Row, records: Iterable[Row]) -> int:
    count = 0
    with path.open("w", encoding="utf-8") as stream:
        for row in records:
            stream.write(json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False) + "\n")
            count += 1
    return count


def _write_parquet(path: Path, columns: Row, records: Iterable[Row]) -> int:
    arrow, parquet = _needed("pyarrow"), _needed("pyarrow", "pyarrow.parquet")
    schema, count, portion = arrow.schema([(column, arrow.string()) for column in columns]), 0, list[Row]()

    def flush() -> None:
        if portion:
            writer.write_batch(
                arrow.record_batch([list(column) for column in zip(*portion, strict=True)], schema=schema)
            )
            portion.clear()

    with parquet.ParquetWriter(path, schema) as writer:
        for row in records:
            portion.append(row)
            count += 1
            if len(portion) == AT_ONCE:
                flush()
        flush()
    return count


def _write_datasets(path: Path, columns: Row, records: Iterable[Row]) -> int:
    rows_in_memory = list(records)
    data = {column: [row[position] for row in rows_in_memory] for position, column in enumerate(columns)}
    _needed("datasets").Dataset.from_dict(data).save_to_disk(str(path))
    return len(rows_in_memory)


def _needed(package: str, module: str = "") -> Any:
    from importlib import import_module

    try:
        return import_module(module or package)
    except ImportError:
        raise ModelingError("format_needs_package", package=package) from None


def _named(name: Callable[[int], str] | None, value: Any) -> Any:
    """A class of `datasets` is a number with a name; -1 means that nobody said."""
    if name and isinstance(value, int):
        return name(value) if value >= 0 else None
    return value
