"""The emoji that Telegram lets a bot put on a message: 73, and neither ✅ nor ❌ is among them.

https://core.telegram.org/bots/api#reactiontypeemoji
"""

from __future__ import annotations

from workers.core.emoji import neutral

PALETTE = (
    *"❤👍👎🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋",
    *"🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾🤷😡",
    *("❤\u200d🔥", "👨\u200d💻", "🤷\u200d♂", "🤷\u200d♀"),
)
_ALLOWED = {neutral(emoji): emoji for emoji in PALETTE}


def allowed(emoji: str) -> str | None:
    """The emoji as Telegram spells it, or None where a bot may not use it."""
    return _ALLOWED.get(neutral(emoji))
