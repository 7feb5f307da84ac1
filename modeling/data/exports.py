"""What a row of a file means: columns as they stand, or the export of a program in which people label texts.

`shape_of` looks at the names of a row's columns alone, so that it is asked once for all rows that have the same. The
shapes are those that doccano, Label Studio, Prodigy and Argilla write; Slack and Telegram Desktop export no labels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from modeling.data.values import Unreadable

Pair = tuple[Any, Any]  # a text and a label as the file has them
Shape = Callable[[Mapping[str, Any]], Iterable[tuple[Any, ...]]]

REJECTED = object()
"""In the place of a label: people looked at the text and gave it none, or took theirs back."""
_REFUSED = ("reject", "ignore")  # Prodigy's answers beside "accept"
_SUBMITTED = ("submitted", "validated", "")  # states of Argilla's answers that count; "" is that of earlier releases
OTHER_NAMES = ("labels", "cats")  # doccano's, in earlier releases and in projects with slots
RESPONSES = ".responses"  # Argilla's columns, where they are flat
KEYS = frozenset(
    ("text", "label", "answer", "accept", "spans", "data", "annotations", "fields", "responses", "annotation", "status")
).union(OTHER_NAMES)
"""Names of columns that a shape can be made of, beside those that end as Argilla's do."""


def plain(name: str) -> str:
    """Return the name of a column in the form in which two are the same."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def needed(names: Iterable[str], columns: Collection[str]) -> list[str]:
    """Return those names of columns that matter, so that no others need to be read."""
    return [name for name in names if plain(name) in KEYS or plain(name) in columns or RESPONSES in name]


def demand_once(names: Sequence[str], columns: Iterable[str]) -> None:
    """Raise Unreadable where a wanted column stands twice."""
    spelled = [plain(name) for name in names]
    for column in columns:
        if spelled.count(column) > 1:
            raise Unreadable("column_twice", column=column)


def shape_of(names: Collection[str], columns: Sequence[str]) -> Shape:
    """Return what makes the wanted columns, one tuple for each label, of a row with columns of these names.

    Raises Unreadable where they are missing, or twice.
    """
    demand_once(tuple(names), columns)
    spelled = {plain(name): name for name in names}
    for other in OTHER_NAMES:
        if other in spelled:
            spelled.setdefault("label", spelled[other])
    if set(columns) <= spelled.keys():
        return partial(_as_it_stands, [spelled[column] for column in columns], spelled.get("answer"))
    if set(columns) <= {"text", "label"}:
        pairs = _export(spelled)
        return lambda row: [tuple({"text": text, "label": label}[c] for c in columns) for text, label in pairs(row)]
    raise _missing(spelled, columns)


def _export(names: Mapping[str, str]) -> Callable[[Mapping[str, Any]], Iterable[Pair]]:
    """Raises Unreadable that names the format where its rows have no labels."""
    for keys, pairs in _EXPORTS.items():
        if set(keys) <= names.keys():
            return pairs
    if any(name.endswith(RESPONSES) for name in names):
        return _flat_argilla
    for keys, name in _WITHOUT_LABELS.items():
        if set(keys) <= names.keys():
            raise Unreadable("export_without_labels", format=name)
    if {"text", "spans"} <= names.keys():
        raise Unreadable("label_marks_parts")
    raise _missing(names, ("text", "label"))


def _missing(present: Collection[str], columns: Sequence[str]) -> Unreadable:
    return Unreadable("column_missing", missing=sorted(set(columns) - set(present)), columns=columns)


def _as_it_stands(names: Sequence[str], answer: str | None, row: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    refused = answer is not None and row[answer] in _REFUSED
    yield tuple(REJECTED if refused and plain(name) == "label" else row[name] for name in names)


def _prodigy(row: Mapping[str, Any]) -> Iterator[Pair]:
    """A choice of options: their ids are the labels."""
    yield row["text"], REJECTED if row.get("answer") in _REFUSED else row["accept"]


def _label_studio(task: Mapping[str, Any]) -> Iterator[Pair]:
    """A task with what each annotator chose; earlier releases called that completions."""
    text = _only(task["data"])
    annotations = task.get("annotations") or task.get("completions") or ()
    for annotation in annotations:
        yield text, REJECTED if annotation.get("was_cancelled") else _choices(annotation)
    if not annotations:
        yield text, None


def _choices(annotation: Mapping[str, Any]) -> list[Any]:
    results = annotation.get("result") or ()
    chosen = [choice for result in results for choice in result["value"].get("choices", ())]
    if results and not chosen:
        raise Unreadable("label_marks_parts")
    return chosen


def _argilla(record: Mapping[str, Any]) -> Iterator[Pair]:
    """A record with what each annotator answered, as a list (1.x) or by question (2.x); suggestions are no answers."""
    text, responses = _only(record["fields"]), record["responses"] or ()
    if isinstance(responses, Mapping):
        answers = [(_state(answer), answer["value"]) for answer in _only_answers(responses)]
    else:
        answers = [(_state(answer), _only_answers(answer["values"] or {"label": {}})) for answer in responses]
        answers = [(state, value.get("value")) for state, value in answers]
    yield from ((text, value if state in _SUBMITTED else REJECTED) for state, value in answers)
    if not answers:
        yield text, None


def _old_argilla(record: Mapping[str, Any]) -> Iterator[Pair]:
    text = record.get("text") or _only(record.get("inputs") or {})
    yield text, REJECTED if str(record.get("status")).casefold() == "discarded" else record["annotation"]


def _flat_argilla(record: Mapping[str, Any]) -> Iterator[Pair]:
    questions = {name.removesuffix(RESPONSES): name for name in record if name.endswith(RESPONSES)}
    column = questions[_one_of(questions)]
    values = record[column] or ()
    if isinstance(values, str):
        yield record["text"], values
        return
    states = record.get(f"{column}.status") or [None] * len(values)
    for value, state in zip(values, states, strict=False):
        yield record["text"], value if (state or "") in _SUBMITTED else REJECTED
    if not values:
        yield record["text"], None


def _state(answer: Mapping[str, Any]) -> str:
    return str(answer.get("status") or "").casefold()


def _only_answers(by_question: Mapping[str, Any]) -> Any:
    return by_question[_one_of(by_question)] if by_question else ()


def _only(fields: Mapping[str, Any]) -> Any:
    """The text among the fields of a task: the one of that name, or the only one that is text."""
    texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    return texts[_one_of(texts, "text")] if texts else None


def _one_of(names: Collection[str], usual: str = "label") -> str:
    """Raises Unreadable where there are several and none has the usual name."""
    if usual in names:
        return usual
    if len(names) > 1:
        raise Unreadable("several_questions", names=sorted(names), usual=usual)
    return next(iter(names))


_EXPORTS: dict[tuple[str, ...], Callable[[Mapping[str, Any]], Iterable[Pair]]] = {
    ("text", "accept"): _prodigy,
    ("data", "annotations"): _label_studio,
    ("data", "completions"): _label_studio,
    ("fields", "responses"): _argilla,
    ("text", "annotation"): _old_argilla,
    ("inputs", "annotation"): _old_argilla,
}
_WITHOUT_LABELS = {("text", "type", "ts"): "Slack", ("text", "type", "date"): "Telegram Desktop"}
