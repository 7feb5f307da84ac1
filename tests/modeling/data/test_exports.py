"""What programs export in which people label texts: read as it comes, or refused by the format's name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from modeling.data.examples import read, read_texts
from modeling.errors import ModelingError
from modeling.sentences.catalogue import Sentence

TEXT = "the board is blank"


def given(folder: Path, *found: Any, name: str = "export.json") -> Path:
    content = json.dumps(found) if name.endswith(".json") else "\n".join(map(json.dumps, found))
    (folder / name).write_text(content, "utf-8")
    return folder / name


def chosen(*choices: str, cancelled: bool = False) -> dict[str, Any]:
    result = [{"from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": list(choices)}}]
    return {"id": 1, "result": result if choices else [], "was_cancelled": cancelled}


RECORD = {"id": "r1", "metadata": {}, "suggestions": {"label": {"value": "praise", "score": 0.4}}, "vectors": {}}


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        # doccano
        ({"id": 1, "text": TEXT, "label": ["bug"], "Comments": []}, ["bug"]),
        ({"id": 1, "text": TEXT, "labels": ["bug"]}, ["bug"]),
        ({"id": 1, "text": TEXT, "cats": ["bug"], "entities": []}, ["bug"]),
        ({"id": 1, "text": TEXT, "label": []}, []),
        # Label Studio, as it is and as JSON_MIN
        ({"id": 1, "data": {"text": TEXT}, "annotations": [chosen("bug")], "predictions": []}, ["bug"]),
        ({"id": 1, "data": {"message": TEXT, "n": 5}, "annotations": [chosen("bug"), chosen("idea")]}, ["bug", "idea"]),
        ({"id": 1, "data": {"text": TEXT}, "annotations": [chosen(), chosen("bug", cancelled=True)]}, []),
        ({"id": 1, "data": {"text": TEXT}, "annotations": []}, []),
        ({"id": 1, "data": {"text": TEXT}, "completions": [chosen("bug")]}, ["bug"]),
        ({"id": 1, "text": TEXT, "label": "bug", "annotator": 1, "lead_time": 2.5}, ["bug"]),
        # Prodigy: binary, and a choice
        ({"text": TEXT, "label": "bug", "answer": "accept", "_input_hash": 1}, ["bug"]),
        ({"text": TEXT, "label": "bug", "answer": "reject"}, []),
        ({"text": TEXT, "label": "bug", "answer": "ignore"}, []),
        ({"text": TEXT, "options": [{"id": "bug", "text": "Bug"}], "accept": ["bug"], "answer": "accept"}, ["bug"]),
        ({"text": TEXT, "options": [], "accept": [], "answer": "ignore"}, []),
        # Argilla 2, 1.x (feedback), 1.x (text classification), and flat
        ({**RECORD, "fields": {"text": TEXT}, "responses": {"label": [{"value": "bug", "user_id": "u"}]}}, ["bug"]),
        ({**RECORD, "fields": {"text": TEXT}, "responses": {}}, []),
        (
            {
                "fields": {"text": TEXT},
                "responses": [
                    {"user_id": "u", "values": {"label": {"value": "bug"}}, "status": "submitted"},
                    {"user_id": "v", "values": {"label": {"value": "idea"}}, "status": "draft"},
                ],
            },
            ["bug"],
        ),
        ({"text": TEXT, "inputs": {"text": TEXT}, "annotation": "bug", "status": "Validated"}, ["bug"]),
        ({"inputs": {"text": TEXT}, "annotation": "bug", "status": "Discarded"}, []),
        ({"text": TEXT, "label.responses": ["bug"], "label.responses.status": ["submitted"]}, ["bug"]),
        ({"text": TEXT, "label.responses": ["bug"], "label.responses.status": ["discarded"]}, []),
        ({"text": TEXT, "label.responses": None, "label.suggestion": "idea"}, []),
    ],
)
@pytest.mark.parametrize("name", ["export.json", "export.jsonl"])
def test_an_export_is_read_as_it_comes(tmp_path: Path, row: dict[str, Any], labels: list[str], name: str) -> None:
    path = given(tmp_path, row, name=name)
    if labels:
        assert list(read(path).rows()) == [(TEXT, label) for label in labels]
    else:
        with pytest.raises(ModelingError, match="no rows with a text and a label"):
            read(path)
    assert set(read_texts(path, [])) == {TEXT}


def test_what_people_rejected_is_counted(tmp_path: Path) -> None:
    rows = [
        {"text": f"{TEXT} {n}", "label": "bug", "answer": answer}
        for n, answer in enumerate(("accept", "reject", "ignore"))
    ]
    found = read(given(tmp_path, *rows, name="export.jsonl"))
    assert len(found) == 1
    assert [note.text for note in found.notes] == [
        "2 rows whose label was rejected or skipped in the program that exported them were left out."
    ]


def test_an_answer_that_is_no_verdict_is_a_column_like_others(tmp_path: Path) -> None:
    assert len(read(given(tmp_path, {"text": TEXT, "label": "bug", "answer": "Paris"}))) == 1
    (tmp_path / "a.csv").write_text(f"text,label,answer\n{TEXT},bug,reject\nfine,bug,accept\n")
    assert read(tmp_path / "a.csv").texts == ("fine",)


TELEGRAM = {
    "name": "A group",
    "type": "private_supergroup",
    "id": 5,
    "messages": [
        {"id": 1, "type": "service", "date": "2026-01-01T10:00:00", "actor": "Ana", "action": "join", "text": ""},
        {
            "id": 2,
            "type": "message",
            "date": "2026-01-01T10:00:01",
            "from": "Ana",
            "text": ["see ", {"type": "link", "text": "x.org"}],
        },
        {"id": 3, "type": "message", "date": "2026-01-01T10:00:02", "from": "Bo", "text": "thanks"},
    ],
}
SLACK = [{"type": "message", "user": "U1", "text": "thanks <@U2>", "ts": "1700000000.000100"}]


@pytest.mark.parametrize(
    ("content", "format", "texts"),
    [
        (TELEGRAM, "Telegram Desktop", ("see x.org", "thanks")),
        (
            {"about": "all of it", "chats": {"about": "", "list": [TELEGRAM, TELEGRAM]}},
            "Telegram Desktop",
            ("see x.org", "thanks") * 2,
        ),
        (SLACK, "Slack", ("thanks @user",)),
    ],
)
def test_an_export_without_labels_gives_texts_and_is_refused_by_its_name(
    tmp_path: Path, content: Any, format: str, texts: tuple[str, ...]
) -> None:
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content, indent=1))
    notes: list[Sentence] = []
    assert read_texts(path, notes) == texts
    assert [note.code for note in notes] == (["rows_without_text"] if format == "Telegram Desktop" else [])
    with pytest.raises(ModelingError, match=f"is an export of {format}, which has no labels"):
        read(path)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": 1, "text": TEXT, "label": [[0, 4, "LOC"]]}, "labels parts of a text in line 1"),
        ({"text": TEXT, "spans": [{"start": 0, "end": 3, "label": "X"}], "answer": "accept"}, "labels parts of a text"),
        (
            {"id": 1, "data": {"text": TEXT}, "annotations": [{"result": [{"value": {"labels": ["X"]}}]}]},
            "labels parts",
        ),
        ({"id": 1, "data": {"text": TEXT}, "annotations": [chosen("bug", "idea")]}, "several labels for one message"),
        ({"text": TEXT, "accept": ["bug", "idea"], "answer": "accept"}, "several labels for one message"),
        (
            {"fields": {"text": TEXT}, "responses": {"kind": [{"value": "a"}], "mood": [{"value": "b"}]}},
            r'answers to several questions in line 1 \("kind", "mood"\): name one of them "label"',
        ),
        (
            {"data": {"one": "a", "two": "b"}, "annotations": [chosen("bug")]},
            'several questions .*name one of them "text"',
        ),
        (
            {"data": 5, "annotations": [chosen("bug")]},
            "is not as Argilla, doccano, Label Studio or Prodigy export it in line 1",
        ),
        ({"fields": {"text": TEXT}, "responses": "bug"}, "is not as Argilla"),
        ({"message": TEXT, "tags": []}, "no column label and no column text"),
    ],
)
def test_another_export_is_refused_with_the_reason(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelingError, match=words):
        read(given(tmp_path, row))
