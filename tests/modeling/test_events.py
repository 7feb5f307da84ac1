"""The lines that programs print: their shape on the wire, and what a reader makes of lines of other versions.

After a wanted change of the wire: `python -m tests.modeling.test_events` writes the schema anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from modeling.events import LINE, Download, Failed, Outcome, Progress, Trained, read_line
from modeling.progress import print_line
from modeling.sentences.catalogue import sentence

SCHEMA = Path(__file__).with_name("events.schema.json")
GATE = {"promote": True, "reason": "Better.", "difference": 0.1, "low": 0.05, "high": 0.2, "messages": 9}
DONE = {
    "event": "done",
    "method": "full",
    "accuracy": 0.9,
    "macro_f1": 0.9,
    "ece": 0.01,
    "messages": 9,
    "labels": 2,
    "bundle": "/b",
    "backbone": "multilingual",
    "fingerprint": "f",
    "megabytes": 90.1,
    "against": None,
    "gate": GATE,
    "cross_validation": {"frozen": {"macro_f1": 0.8}},
    "why": "It was better.",
    "tokens": {"median": 5, "p95": 9, "most": 12, "limit": 256, "cut": 0.0},
    "tuning": None,
    "notes": ["One was left out."],
    "seconds": 3.5,
}


def schema() -> str:
    return json.dumps(LINE.json_schema(mode="serialization"), indent=1, sort_keys=True) + "\n"


def test_the_wire_has_not_changed_without_a_word() -> None:
    assert schema() == SCHEMA.read_text("utf-8"), "if it should: python -m tests.modeling.test_events"


def test_what_is_printed_is_read_as_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        Progress(stage="loading", fraction=0.25, seconds=1.5),
        Progress(stage="trial 1", fraction=0.5, seconds=2.0, left=40),
        Download(name="a/b", licence=None, bytes=1000),
        Failed.of(sentence("not_utf8", path="a.csv")),
        LINE.validate_python(DONE),
    ]
    for line in lines:
        print_line(line)
    printed = capsys.readouterr().out.splitlines()
    assert [read_line(text) for text in printed] == lines
    assert "left" not in json.loads(printed[0])
    assert json.loads(printed[3])["message"] == "a.csv is not UTF-8: save it as UTF-8."
    assert set(DONE) == set(json.loads(printed[4]))


def test_a_line_of_an_earlier_version_is_read_with_its_sentences_as_they_were() -> None:
    done = read_line(json.dumps(DONE))
    assert isinstance(done, Trained)
    assert done.gate
    assert [done.gate.reason.text, done.why.text, done.notes[0].render("zh")] == [
        "Better.",
        "It was better.",
        "One was left out.",
    ]
    failed = read_line('{"event": "error", "message": "The disk is full."}')
    assert isinstance(failed, Failed)
    assert failed.sentence.render("zh") == "The disk is full."


def test_a_line_of_a_newer_version_is_read_and_what_is_no_event_is_passed_over() -> None:
    assert read_line(json.dumps({**DONE, "more": {"of": "it"}})) == read_line(json.dumps(DONE))
    for text in ('{"event": "of tomorrow"}', '{"text": "no event"}', "[]", "no JSON", "3"):
        assert read_line(text) is None
    with pytest.raises(ValidationError, match="accuracy"):
        read_line('{"event": "done"}')


def test_every_outcome_is_told_from_the_others_by_its_event() -> None:
    events = [(kind.model_fields["event"].default, kind.__name__) for kind in get_args(Outcome)]
    assert [name for event, name in events if event == "done"] == ["Trained", "Distilled"]
    assert len({event for event, _ in events}) == len(events) - 1


if __name__ == "__main__":
    SCHEMA.write_text(schema(), "utf-8")
