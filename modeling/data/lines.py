"""Lines of text in UTF-8, of a file or of standard input; where they stop being that, an error with the line."""

from __future__ import annotations

import codecs
import errno
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence, sentence

_PACKED = (b"PK\x03\x04", b"\x1f\x8b")  # how a ZIP archive, such as a workbook, and a file of gzip begin
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def of_file(path: Path) -> Iterator[str]:
    """Yield the lines of a file without their ends. Raises ModelingError where it cannot be read, or is not UTF-8."""
    try:
        with path.open("rb") as stream:
            yield from decoded(path, stream)
    except OSError as error:
        raise ModelingError("file_not_read", path=path, reason=error.strerror or str(error)) from None


def of_standard_input() -> Iterator[str]:
    """Yield the lines of standard input without their ends. Raises ModelingError, as `of_file`."""
    try:
        yield from decoded(sentence("standard_input"), _standard_input())
    except OSError as error:
        raise ModelingError("stdin_not_read", reason=error.strerror or str(error)) from None


def text_of_standard_input(most: int) -> str:
    """Return what comes by standard input, of `most` bytes at most. Raises ModelingError, as `of_file`."""
    try:
        content = _standard_input().read(most)
    except OSError as error:
        raise ModelingError("stdin_not_read", reason=error.strerror or str(error)) from None
    content = content.removeprefix(codecs.BOM_UTF8)
    try:
        # Incrementally: where it is too long, its last character may be cut in two.
        return codecs.getincrementaldecoder("utf-8")().decode(content, final=len(content) < most)
    except UnicodeDecodeError as error:
        number = content.count(b"\n", 0, error.start) + 1
        raise _not_utf8(sentence("standard_input"), number, content, content[error.start]) from None


def _standard_input() -> IO[bytes]:
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison]  # as `<&-` leaves it
        raise ModelingError("stdin_not_read", reason=os.strerror(errno.EBADF))
    return sys.stdin.buffer


def decoded(name: Path | Sentence, lines: Iterable[bytes]) -> Iterator[str]:
    """Yield lines as text, without a byte order mark and their ends. Raises ModelingError that says which is none."""
    for number, line in enumerate(lines, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise _not_utf8(name, number, line, line[error.start]) from None
        # Old files end their lines with a carriage return alone.
        yield from text.removesuffix("\n").removesuffix("\r").split("\r")


def not_utf8(path: Path) -> ModelingError:
    """Return the error that says in which line a file stops being UTF-8."""
    with path.open("rb") as stream:
        try:
            for _ in decoded(path, stream):
                pass
        except ModelingError as error:
            return error
    return ModelingError("not_utf8", path=path)


def _not_utf8(name: Path | Sentence, number: int, line: bytes, byte: int) -> ModelingError:
    # Said apart: line and byte would not help with a file that is UTF-16, or no text, as a whole.
    if number == 1 and line.startswith(_UTF16):
        return ModelingError("is_utf16", path=name)
    if number == 1 and line.startswith(_PACKED):
        return ModelingError("is_packed", path=name)
    return ModelingError("not_utf8_after_line" if number > 2 else "not_utf8_in_line", path=name, line=number, byte=byte)
