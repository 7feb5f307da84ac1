"""The catalogue of what people read in a chat, in English and 中文, side by side.

Every sentence stands here, one file per area, except for the help of the verbs, which stands in `command_table`.
`say` makes a sentence for a chat; `both` makes it in both languages, for what is stored once or raised as an error.
"""

from __future__ import annotations

from pydantic import ValidationError

from workers.core.events import Frozen, Text
from workers.core.i18n import chats, jobs, labels, outcomes, platforms

__all__ = ["Bilingual", "both", "kind_name", "percent", "say", "stage_name"]

SENTENCES: dict[str, tuple[str, str]] = {
    **chats.SENTENCES,
    **labels.SENTENCES,
    **jobs.SENTENCES,
    **outcomes.SENTENCES,
    **platforms.SENTENCES,
}


class Bilingual(Frozen):
    """A sentence in both languages, for what is stored once and read in any chat."""

    en: Text
    zh: Text

    @classmethod
    def read(cls, stored: str) -> Bilingual:
        """Read a stored sentence; one that an earlier version stored as plain text is the same in both languages."""
        try:
            return cls.model_validate_json(stored)
        except ValidationError:
            return cls(en=stored, zh=stored)

    def text(self, language: str) -> str:
        """The sentence in a chat's language."""
        return self.zh if language == "zh" else self.en

    def __str__(self) -> str:
        return self.en


def say(language: str, code: str, /, **params: object) -> str:
    """The sentence of a code in a chat's language, with its parameters. Raises KeyError where either is missing."""
    return SENTENCES[code][1 if language == "zh" else 0].format(**params)


def both(code: str, /, **params: object) -> Bilingual:
    """The sentence of a code in both languages. Raises as `say`."""
    return Bilingual(en=say("en", code, **params), zh=say("zh", code, **params))


def stage_name(language: str, stage: str) -> str:
    """A job's state or stage as a chat reads it: `cross-validation 2/5` becomes `交叉验证 2/5`."""
    if language != "zh":
        return stage
    named, space, rest = stage.partition(" ")
    # Whole first: `out of scope` is one name, `cross-validation 2/5` a name and a count.
    return jobs.STAGES.get(stage) or f"{jobs.STAGES.get(named, named)}{space}{rest}"


def kind_name(language: str, kind: str) -> str:
    """What a kind of job is called, such as `Training`."""
    return jobs.KINDS[kind][1 if language == "zh" else 0]


def percent(share: float) -> str:
    """A share from 0 to 1 as people read it: `0.8765` becomes `87.7%`."""
    return f"{100 * share:.1f}%"
