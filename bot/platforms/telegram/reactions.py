"""What changed between two lists of reactions: Telegram tells the whole list before and after."""

from __future__ import annotations

from collections.abc import Sequence

from aiogram.types import ReactionTypeCustomEmoji, ReactionTypeEmoji, ReactionTypePaid

from workers.core.emoji import neutral

Reactions = Sequence[ReactionTypeEmoji | ReactionTypeCustomEmoji | ReactionTypePaid]


def changes(old: Reactions, new: Reactions) -> list[tuple[str, bool]]:
    """(emoji, added) for each emoji that went, then for each that came."""
    before, after = _emoji(old), _emoji(new)
    went = [(emoji, False) for emoji in before if emoji not in after]
    return went + [(emoji, True) for emoji in after if emoji not in before]


def _emoji(reactions: Reactions) -> list[str]:
    """In neutral form, each once. Paid stars say nothing about a message."""
    found = [_form(reaction) for reaction in reactions if not isinstance(reaction, ReactionTypePaid)]
    return list(dict.fromkeys(found))


def _form(reaction: ReactionTypeEmoji | ReactionTypeCustomEmoji) -> str:
    """A custom emoji has only a number, which becomes its name: a label can be given `:custom_123:`."""
    if isinstance(reaction, ReactionTypeCustomEmoji):
        return f":custom_{reaction.custom_emoji_id}:"
    return neutral(reaction.emoji)
