"""What ends a job before its end."""

from __future__ import annotations

from modeling.sentences.catalogue import Sentence
from workers.core.errors import BackchannelError
from workers.core.i18n import Bilingual


class JobFailed(BackchannelError):
    """The job could not do it; the sentence says why."""


class Interrupted(BackchannelError):
    """Somebody stops the program, and probably us: whoever takes the job up again goes on from its last checkpoint."""


class Cancelled(Exception):
    """Somebody typed `cancel`."""


def in_both(sentence: Sentence) -> Bilingual:
    """Return a sentence of modeling in both languages."""
    return Bilingual(en=sentence.render("en"), zh=sentence.render("zh"))
