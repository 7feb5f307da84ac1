"""One neutral form of an emoji: no skin tone, no variation selector, aliases spelled out."""

from __future__ import annotations

import re
import unicodedata

import emoji

VARIATION = re.compile("[\U0001f3fb-\U0001f3ff\ufe0e\ufe0f]|:skin-tone-[2-6]:")
CUSTOM = re.compile(
    r":(?:[\w+'-]|[^\x00-\x7f\s\u2000-\u206f\u2190-\u2bff\u3000-\u303f\ufe00-\ufe0f\uff00-\uff65\U0001f000-\U000fffff])+:"
)
"""A name between colons, of letters of any script with their marks; no punctuation, and no emoji."""


def neutral(text: str) -> str:
    """The neutral form: `👍🏽`, `:+1::skin-tone-4:` and `:thumbsup:` all become `👍`.

    A custom emoji, which has only a name, stays as `:name:`. Text that is no emoji comes back stripped.
    """
    bare = VARIATION.sub("", text.strip())
    if CUSTOM.fullmatch(bare):
        name = unicodedata.normalize("NFC", bare.lower())
        # A second time: what a name such as `:heart:` stands for comes with a selector.
        bare = VARIATION.sub("", emoji.emojize(name, language="alias"))
    return bare


def is_emoji(text: str) -> bool:
    """Whether the text is one emoji in any form that `neutral` knows; a bare word such as `bug` is not."""
    form = neutral(text)
    return bool(CUSTOM.fullmatch(form)) or emoji.is_emoji(form) or emoji.is_emoji(form + "\ufe0f") or keycap(form)


def keycap(form: str) -> bool:
    """`1⃣` is an emoji only with the selector in its middle, which `neutral` takes out."""
    return len(form) == 2 and form[1] == "\u20e3"


PALETTE = tuple(
    "👍👎🔥🎉🤔⚡👀🏆💯🙏👏🤝✍👾🆒💔🤯😱🐳🦄🍓🍌🍾🎃🎄👻🗿💊🌭☃🐞❓💡🗑💬⭐🚀🐛📦💳🔒🔑📈📉🧭"
    "🎯🧪🛠🧹📌📎📷🎧🎁🍀🌵🌙☔⛵🚲🚑🏁🏠🏦🎈🎲🎹🎨🎬🧩🧯🧲🪁🪙🧾💰💎💧💼📅📚📝📡📣📫🔍🔔🔗🔧🔨"
    "🔩🔭🔮🕯🖨🖼🗝🗺🚦🚧🛒🛟🥁🥇🥐🥑🥕🥝🦀🦆🦉🦊🦋🦒🦔🦜🐌🐍🐘🐙🐝🐟🐢🐧🐬🐺🍄🍇🍉🍋🍎🍐🍒🍕🍞"
    "🍦🍩🍪🍯🌈🌊🌋🌍🌲🌴🌷🌸🌻🌽⚓⚖⚙✂✈✉✏❄❤☀☂☎☕♟♻⌛⌨⏰⛄⛏⛺🏀🏈🏓🏹🎣🎤🎮🎻"
)
"""Emoji in their neutral form, given to labels that come without one. Those that people can put on a message on every
platform come first; Telegram allows no others than its few dozen."""

USUAL = frozenset("👍👎🔥🎉🤔👀💯🙏👏🤝💔🤯😱❤😂😢😮🥳✅❌✔➕🚀⭐🎁🌈☀☕✨💪🙌😄😅😍😎😊😭🤣🤷🤦")
"""Emoji that people everywhere put on messages to say something else than what kind they are."""
