"""The values that our buttons carry: built and parsed here, nowhere else. Posted buttons stay, so the forms do too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

# At most 18 digits: a number that comes back fits the databases' 64 bits.
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


class ForeignButton(ValueError):
    """A value that no button of ours carries."""


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    """Answers a question with a label's id, with "none" (no label fits), or not at all ("skip")."""

    question: int
    answer: int | Literal["none", "skip"]

    @property
    def value(self) -> str:
        return f"a:{self.question}:{self.answer}"


@dataclass(frozen=True, slots=True)
class Agree:
    """Under a predicted label: this label is right."""

    label: int

    @property
    def value(self) -> str:
        return f"l:{self.label}"


@dataclass(frozen=True, slots=True)
class More:
    """Under a predicted label: offer all labels."""

    @property
    def value(self) -> str:
        return "m"


@dataclass(frozen=True, slots=True)
class Confirm:
    """Yes or no to "are you sure?" about the held command with this number."""

    command: int
    yes: bool

    @property
    def value(self) -> str:
        return f"{'y' if self.yes else 'n'}:{self.command}"


@dataclass(frozen=True, slots=True)
class CancelJob:
    """Under a job's progress: cancel this job."""

    job: int

    @property
    def value(self) -> str:
        return f"j:{self.job}"


# One letter each: Telegram gives a button's value 64 bytes.
ButtonValue = AnswerQuestion | Agree | More | Confirm | CancelJob


def parse(value: str) -> ButtonValue:
    """What a button of ours means. Raises ForeignButton for any other value."""
    match value.split(":"):
        case ["a", question, "none"]:
            return AnswerQuestion(_number(question), "none")
        case ["a", question, "skip"]:
            return AnswerQuestion(_number(question), "skip")
        case ["a", question, label]:
            return AnswerQuestion(_number(question), _number(label))
        case ["l", label]:
            return Agree(_number(label))
        case ["m"]:
            return More()
        case ["y" | "n" as word, command]:
            return Confirm(_number(command), word == "y")
        case ["j", job]:
            return CancelJob(_number(job))
        case _:
            raise ForeignButton(f"This is not the value of a button of ours: {value[:64]!r}.")


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise ForeignButton(f"This is not a number in the value of a button of ours: {text[:64]!r}.")
    return int(text)
