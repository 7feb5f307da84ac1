"""The numbers in an ONNX file, read without a package for it: protobuf's wire format is a list of numbered fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Numbers of fields, and of types, in onnx.proto.
_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_DIMS, _TYPE, _FLOATS, _SMALL_INTS, _TENSOR_NAME, _RAW = 1, 2, 4, 5, 8, 9
_INPUT, _NODE_NAME, _OPERATION = 1, 3, 4
_TYPES = {1: np.dtype("<f4"), 2: np.dtype("u1"), 3: np.dtype("i1")}
_FIXED = {1: 8, 5: 4}  # bytes of a field by its kind

Value = int | memoryview


@dataclass(frozen=True, slots=True)
class Node:
    """A step of the graph: what it does, and the names of what it takes."""

    name: str
    operation: str
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """The steps of a model, and its tensors of floats and bytes, by their names."""

    nodes: list[Node]
    tensors: dict[str, NDArray[Any]]


def read(content: bytes) -> Graph:
    """Return what an ONNX file says; its tensors are views of `content` wherever they can be."""
    graph = next(value for number, value in _fields(memoryview(content)) if number == _GRAPH)
    nodes: list[Node] = []
    tensors: dict[str, NDArray[Any]] = {}
    for number, value in _fields(_bytes(graph)):
        if number == _NODE:
            nodes.append(_node(_bytes(value)))
        elif number == _INITIALIZER:
            tensors.update(_tensor(_bytes(value)))
    return Graph(nodes, tensors)


def _fields(content: memoryview) -> Iterator[tuple[int, Value]]:
    """Yield the number and the value of each field: an integer, or the bytes of what is in it."""
    at = 0
    while at < len(content):
        key, at = _integer(content, at)
        if key & 7 == 0:
            value, at = _integer(content, at)
            yield key >> 3, value
            continue
        size = _FIXED.get(key & 7)
        if size is None:
            size, at = _integer(content, at)
        yield key >> 3, content[at : at + size]
        at += size


def _integer(content: memoryview, at: int) -> tuple[int, int]:
    """Return the integer that begins at a byte, seven bits in each, and where it ends."""
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _bytes(value: Value) -> memoryview:
    assert isinstance(value, memoryview)
    return value


def _text(value: Value) -> str:
    return bytes(_bytes(value)).decode()


def _node(content: memoryview) -> Node:
    fields = list(_fields(content))
    texts = {number: _text(value) for number, value in fields if number in (_NODE_NAME, _OPERATION)}
    inputs = tuple(_text(value) for number, value in fields if number == _INPUT)
    return Node(texts.get(_NODE_NAME, ""), texts.get(_OPERATION, ""), inputs)


def _tensor(content: memoryview) -> dict[str, NDArray[Any]]:
    """Return a tensor by its name; {} for other types than floats and bytes."""
    fields = list(_fields(content))
    by_number = dict(fields)
    kind = next((dtype for number, dtype in _TYPES.items() if number == by_number.get(_TYPE)), None)
    if kind is None:
        return {}
    shape = [value for number, value in fields if number == _DIMS and isinstance(value, int)]
    if _SMALL_INTS in by_number:
        numbers = np.frombuffer(bytes(value & 255 for value in _integers(_bytes(by_number[_SMALL_INTS]))), kind)
    else:
        numbers = np.frombuffer(_bytes(by_number.get(_RAW, by_number.get(_FLOATS, memoryview(b"")))), kind)
    return {_text(by_number[_TENSOR_NAME]): numbers.reshape(shape)}


def _integers(content: memoryview) -> Iterator[int]:
    """Yield integers that stand one after another; negative ones in 64 bits."""
    at = 0
    while at < len(content):
        value, at = _integer(content, at)
        yield value
