"""Rows of named columns in and out: CSV, JSON lines, Parquet, and folders of Hugging Face `datasets`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from modeling.atomic_files import written_atomically
from modeling.errors import ModelingError, short
from modeling.sentences.catalogue import Sentence, sentence

LONGEST_FIELD = 10_000_000  # characters; the csv module would stop at 131,072
AT_ONCE = 1000  # rows in memory at a time where a file is read in portions
_PARTS = "dataset_dict.json"

Row = tuple[str, ...]


def rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield these columns of every row, "" where there is nothing; other columns are ignored.

    The ending says what a file is: .jsonl or .ndjson, .parquet, anything else is CSV; a folder is one that
    `datasets` saved. Nothing is held in memory but a portion. Raises ModelingError with what is wrong, and where.
    """
    try:
        yield from _reader(path)(path, tuple(columns))
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except OSError as error:
        raise ModelingError("file_not_read", path=path, reason=error.strerror or str(error)) from None


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


def _reader(path: Path) -> Callable[[Path, Row], Iterator[Row]]:
    if path.is_dir() and any((path / name).exists() for name in ("state.json", _PARTS)):
        return _read_datasets
    return {".jsonl": _read_jsonl, ".ndjson": _read_jsonl, ".parquet": _read_parquet}.get(path.suffix, _read_csv)


def _writer(path: Path) -> Callable[[Path, Row, Iterable[Row]], int]:
    writers = {".csv": _write_csv, ".jsonl": _write_jsonl, ".ndjson": _write_jsonl, ".parquet": _write_parquet}
    if path.suffix in writers:
        return writers[path.suffix]
    if path.suffix:
        raise ModelingError("ending_unknown", path=path, endings=list(writers))
    return _write_datasets


def _read_csv(path: Path, columns: Row) -> Iterator[Row]:
    # The limit is one for the whole process; there is none for a reader.
    csv.field_size_limit(LONGEST_FIELD)
    try:
        # Spreadsheets put a byte order mark first, which is no part of the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            _demand(path, columns, reader.fieldnames or (), sentence("where_first_line"))
            for row in reader:
                # A line with fewer fields than the first has None for the rest.
                yield tuple(row[column] or "" for column in columns)
    except csv.Error as error:
        raise ModelingError("csv_unreadable", path=path, reason=str(error)) from None


def _read_jsonl(path: Path, columns: Row) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise ModelingError("json_line_wrong", path=path, line=number)
            _demand(path, columns, row, sentence("where_line", line=number))
            yield tuple(_text(row[column]) for column in columns)


def _read_parquet(path: Path, columns: Row) -> Iterator[Row]:
    parquet = _needed("pyarrow", "pyarrow.parquet")
    from pyarrow.lib import ArrowException  # pyright: ignore[reportMissingImports]

    try:
        with parquet.ParquetFile(path) as file:
            _demand(path, columns, file.schema_arrow.names, sentence("where_whole"))
            for batch in file.iter_batches(AT_ONCE, columns=list(columns)):
                values = [batch.column(column).to_pylist() for column in columns]
                yield from (tuple(map(_text, row)) for row in zip(*values, strict=True))
    except ArrowException as error:
        raise ModelingError("parquet_unreadable", path=path, reason=short(error)) from None


def _read_datasets(path: Path, columns: Row) -> Iterator[Row]:
    if (path / _PARTS).exists():
        parts = json.loads((path / _PARTS).read_text("utf-8")).get("splits", ())
        raise ModelingError("dataset_has_parts", path=path, parts=parts, example=path / parts[0])
    dataset = _needed("datasets").load_from_disk(str(path))
    _demand(path, columns, dataset.column_names, sentence("where_whole"))
    names = {column: getattr(dataset.features[column], "int2str", None) for column in columns}
    for start in range(0, len(dataset), AT_ONCE):
        portion = dataset[start : start + AT_ONCE]
        for row in zip(*(portion[column] for column in columns), strict=True):
            yield tuple(_named(names[column], value) for column, value in zip(columns, row, strict=True))


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


def _demand(path: Path, columns: Row, present: Iterable[str], where: Sentence) -> None:
    missing = set(columns) - set(present)
    if missing:
        raise ModelingError("column_missing", path=path, missing=sorted(missing), where=where, columns=columns)


def _needed(package: str, module: str = "") -> Any:
    from importlib import import_module

    try:
        return import_module(module or package)
    except ImportError:
        raise ModelingError("format_needs_package", package=package) from None


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _named(name: Callable[[int], str] | None, value: Any) -> str:
    """A class of `datasets` is a number with a name; -1 means that nobody said."""
    if name and isinstance(value, int):
        return name(value) if value >= 0 else ""
    return _text(value)


def _not_utf8(path: Path) -> ModelingError:
    """Return the error that says in which line a file stops being UTF-8."""
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            # Said apart: line and byte would not help with a file that is UTF-16 as a whole.
            if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                return ModelingError("is_utf16", path=path)
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                code = "not_utf8_after_line" if number > 2 else "not_utf8_in_line"
                return ModelingError(code, path=path, line=number, byte=line[error.start])
    return ModelingError("not_utf8", path=path)
