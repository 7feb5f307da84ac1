"""Tables as text: columns parted by commas, semicolons, tabs or bars, one row a line or more.

Read strictly, so that a quote that is missing or escaped in another way is an error with its line; read leniently, as
Python's csv module does by default, one lost quote joins all rows up to the next one into a single text.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from modeling.data.exports import demand_once, plain, shape_of
from modeling.data.values import Unreadable
from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence, sentence

LONGEST_FIELD = 10_000_000  # characters; the csv module would stop at 131,072
SEPARATORS = (",", ";", "\t", "|")
_EXCEL = "sep="  # Excel writes the separator into a line of its own, before the header

Numbered = Iterator[tuple[int, dict[str, str]]]


def read(path: Path, columns: Sequence[str], notes: list[Sentence]) -> Numbered:
    """Yield each row's line and its fields by the names of the columns, in small letters without outer spaces.

    What the columns are parted by is taken from the ending, from Excel's `sep=`, or is what parts the wanted columns.
    Raises ModelingError with the line and the likely cause; what is left out is in `notes`.
    """
    # The limit is one for the whole process; there is none for a reader.
    csv.field_size_limit(LONGEST_FIELD)
    # Spreadsheets put a byte order mark first, which is no part of the first column's name.
    with path.open(encoding="utf-8-sig", newline="") as stream:
        line, header, separator = _header(stream, "\t" if path.suffix == ".tsv" else ",", columns)
        table = _Table(path, separator, _names(header, separator), line)
        try:
            demand_once(table.names, columns)
            shape_of(table.names, columns)
        except Unreadable as error:
            raise error.at(path, sentence("where_first_line")) from None
        yield from table.rows(stream, notes)


def _header(stream: IO[str], separator: str, columns: Sequence[str]) -> tuple[int, str, str]:
    """Return the line of the header, the header, and what parts its columns."""
    number, line = 1, stream.readline()
    if line.casefold().startswith(_EXCEL):
        separator = line[len(_EXCEL) : len(_EXCEL) + 1].strip("\r\n") or separator
        number, line = 2, stream.readline()
    while line and not line.strip():
        number, line = number + 1, stream.readline()
    for candidate in (separator, *SEPARATORS):
        if set(columns) <= set(_names(line, candidate)):
            return number, line, candidate
    return number, line, separator


def _names(header: str, separator: str) -> list[str]:
    fields = next(csv.reader([header], delimiter=separator), [])
    return [plain(name) for name in fields]


@dataclass(slots=True)
class _Table:
    """The rows below the header, which stands in line `header`."""

    path: Path
    separator: str
    names: list[str]
    header: int
    repeated: list[int] = field(default_factory=list[int])  # lines in which the header stands again
    labels: set[str] = field(default_factory=set[str])
    suspects: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])  # line, and what may be a label

    def rows(self, stream: IO[str], notes: list[Sentence]) -> Numbered:
        width = len(self.names)
        for number, fields in self._fields(stream):
            if len(fields) == width and self._is_header(fields):
                self.repeated.append(number)
                continue
            if any(fields[width:]):
                raise ModelingError(
                    "row_too_long",
                    path=self.path,
                    line=number,
                    fields=len(fields),
                    columns=width,
                    mark=self.separator.replace("\t", "\\t"),
                )
            row = dict(zip(self.names, [*fields, *[""] * (width - len(fields))], strict=False))
            self._suspect(number, row)
            yield number, row
        notes.extend(self._notes())

    def _is_header(self, fields: list[str]) -> bool:
        # From the end, where labels stand more often than texts: they are shorter to compare.
        return all(plain(name) == ours for name, ours in zip(reversed(fields), reversed(self.names), strict=True))

    def _fields(self, stream: IO[str]) -> Iterator[tuple[int, list[str]]]:
        seen: list[str] = []  # the lines of the row that is being read: they show why it cannot be

        def lines() -> Iterator[str]:
            for line in stream:
                seen.append(line)
                yield line

        reader = csv.reader(lines(), delimiter=self.separator, strict=True)
        while True:
            number = self.header + reader.line_num + 1
            seen.clear()
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise self._unreadable(number, seen, error) from None
            if fields is None:
                return
            if fields:
                yield number, fields

    def _unreadable(self, line: int, lines: list[str], error: csv.Error) -> ModelingError:
        if lines and '\\"' in lines[0]:
            return ModelingError("quote_escaped", path=self.path, line=line)
        if "unexpected end of data" in str(error):
            return ModelingError("quote_left_open", path=self.path, line=line)
        if "expected after" in str(error):
            return ModelingError("quote_misplaced", path=self.path, line=line)
        return ModelingError("csv_unreadable", path=self.path, line=line, reason=str(error))

    def _suspect(self, number: int, row: dict[str, str]) -> None:
        """Remember what would be a label if the lines of a long text were rows that a lost quote had joined."""
        if "label" not in row:
            return
        self.labels.add(row["label"])
        for text in row.values():
            for line in text.splitlines()[:-1] if "\n" in text else ():
                fields = line.split(self.separator)
                if len(fields) == len(self.names):
                    self.suspects.append((number, fields[self.names.index("label")].strip()))

    def _notes(self) -> Iterator[Sentence]:
        if self.repeated:
            yield sentence("headers_repeated", count=len(self.repeated), line=self.repeated[0])
        joined = [number for number, label in self.suspects if label and label in self.labels]
        if joined:
            yield sentence("rows_in_text", line=joined[0], count=joined.count(joined[0]))
