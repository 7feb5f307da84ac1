"""Reactions: what changed between two lists, and which emoji a bot may put on a message."""

from __future__ import annotations

from collections.abc import Sequence

from bot.platforms.telegram.updates import Reaction
from workers.core.emoji import neutral

Reactions = Sequence[Reaction | None]
"""None stands for one that can't be read."""

PALETTE = (
    *"❤👍👎🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋",
    *"🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡",
    *("❤\u200d🔥", "👨\u200d💻", "🤷\u200d♂", "🤷\u200d♀"),
)
"""The 73 emoji that Telegram lets a bot use (https://core.telegram.org/bots/api#reactiontypeemoji); no ✅, no ❌."""
_SPELLING = {neutral(emoji): emoji for emoji in PALETTE}


def changes(old: Reactions, new: Reactions) -> list[tuple[str, bool]]:
    """(emoji, added) for all that went, then for all that came; Telegram tells the whole list before and after."""
    before, after = _emoji(old), _emoji(new)
    went = [(emoji, False) for emoji in before if emoji not in after]
    return went + [(emoji, True) for emoji in after if emoji not in before]


def _emoji(reactions: Reactions) -> list[str]:
    """In neutral form, each once. Paid stars say nothing about a message; what a new type says, nobody knows."""
    forms = (_form(reaction) for reaction in reactions if reaction is not None)
    return list(dict.fromkeys(form for form in forms if form))


def _form(reaction: Reaction) -> str:
    """A custom emoji has only a number, which becomes its name: a label can be given `:custom_123:`."""
    if reaction.type == "custom_emoji" and reaction.custom_emoji_id:
        return f":custom_{reaction.custom_emoji_id}:"
    return neutral(reaction.emoji or "") if reaction.type == "emoji" else ""


def allowed(emoji: str) -> str | None:
    """The emoji as Telegram spells it, or None where a bot may not use it."""
    return _SPELLING.get(neutral(emoji))
