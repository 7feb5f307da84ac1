"""The error whose text is a sentence for people, and the exit status that goes with it."""

from __future__ import annotations

from workers.core.i18n import Bilingual

WRONG_SETTINGS = 78
"""The exit status (EX_CONFIG) of a process that would fail again in the same way: the supervisor stops."""


class BackchannelError(Exception):
    """What happened and what to do, in one sentence that people can read in chat, log or shell.

    One that may reach a chat is made of a sentence of the catalogue, `BackchannelError(both(code, …))`, and reads there
    in the chat's language; what only logs and shells show is plain English.
    """

    def __init__(self, sentence: str | Bilingual) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence if isinstance(sentence, Bilingual) else Bilingual(en=sentence, zh=sentence)
