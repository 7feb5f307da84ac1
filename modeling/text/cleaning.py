"""From what people type to what a backbone reads.

Every step only ever removes noise, so `clean` repeats them until nothing changes. That makes it idempotent: text that
was cleaned when it was stored hashes and classifies the same when it is cleaned again.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Callable

LIMIT = 2000  # characters kept of one message: more than any usual backbone reads
_GAP = " ... "
_ROUNDS = 12
_RAW_FACTOR = 8  # a raw message longer than this many limits is cut before the costly steps
_CODE_HEAD, _CODE_TAIL, _INLINE = 120, 80, 60

_SLACK = re.compile(r"<([@#!]?)([^<>|\s]{1,2000})(?:\|([^<>]{0,2000}))?>")
_FENCE = re.compile(r"```+[a-z0-9+#-]{0,20}\n?(.*?)```+", re.DOTALL | re.IGNORECASE)
_INLINE_CODE = re.compile(r"`([^`\n]{1,4000})`")
_URL = re.compile(r"(?:https?|ftp)://(?:[^\s<>/?#@]{1,200}@)?([^\s<>/?#:|]{0,255})[^\s<>]*", re.IGNORECASE)
_DOMAIN = re.compile(r"(?:www\.)?([\w-]+(?:\.[\w-]+)+)\.?", re.IGNORECASE)
_MENTION = re.compile(r"(?<![\w.@/+-])@[a-z0-9_](?:[a-z0-9_.-]{0,62}[a-z0-9_])?", re.IGNORECASE)
_BROADCAST = frozenset({"everyone", "here", "channel", "all"})
_SHORTCODES = re.compile(r"(?<![\w:/])(?::[a-z0-9_'+-]{2,64}:)+(?![\w:/])", re.IGNORECASE)
_ZERO_WIDTH = re.compile("[\u200c\u200d]")
_JOINABLE = re.compile("[\u0600-\u0dff\u0f00-\u109f\u2600-\u27bf\U0001f000-\U0001faff]")
_MARKS = re.compile("([\u0300-\u036f]{2})[\u0300-\u036f]+")
_REPEATS = re.compile(r"([^\w\s])\1{5,}")
_WORD = re.compile(r"[^\W_]+")
_SPECIAL = re.compile(r"[<>@&:`|/#]+")
# NFKC would turn a spacing accent into a space and a combining mark, which tears "don´t" apart.
_QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u00b4": "'", "\u02bc": "'", "\u00a8": None, "\ufffd": None})


def clean(text: str, limit: int = LIMIT) -> str:
    """Return the words of a message in any language, at most `limit` characters; "" means that nothing is left.

    Mentions become "@user", links their label or domain, code its beginning and end, custom emoji their words. Emoji
    stay, because they carry tone. A very long message keeps its head and its tail. Never raises; idempotent.
    """
    limit = max(1, limit)
    text = _keep_ends(text, limit * _RAW_FACTOR)
    for _ in range(_ROUNDS):
        before, text = text, _keep_ends(_once(text), limit)
        if text == before:
            return text
    # Text built to nest without end: drop whatever could still be read as markup.
    return _keep_ends(_fold(_SPECIAL.sub(" ", text)), limit)


def text_hash(text: str) -> str:
    """Name a message by its cleaned text, whatever its letters' case: 64 hexadecimal digits."""
    return _hash(clean(text))


def same_words(text: str) -> str:
    """Return the words of a cleaned text alone, in small letters: what is left when only looks differ is the same."""
    return " ".join(_WORD.findall(text.casefold()))


def is_held_out(cleaned: str, share: float = 0.2) -> bool:
    """Say whether a message is kept for evaluation only: decided by its text, so the answer never changes.

    `cleaned`: what `clean` returned; cleaning takes a thousand times as long as this.
    """
    return int(_hash(cleaned)[:12], 16) < share * 16**12


def _hash(cleaned: str) -> str:
    return hashlib.sha256(cleaned.casefold().encode("utf-8", "replace")).hexdigest()


def _once(text: str) -> str:
    for step in _STEPS:
        text = step(text)
    return text


def _mentions(text: str) -> str:
    return _MENTION.sub(lambda match: "everyone" if match[0][1:].lower() in _BROADCAST else "@user", text)


def _angle(match: re.Match[str]) -> str:
    """Read one <...> of Slack's: a person, a channel, a group, a link."""
    sigil, target, label = match[1], match[2], (match[3] or "").strip()
    if sigil == "@":
        return " @user "
    if sigil == "#":
        return f" {label or 'channel'} "
    if sigil == "!":
        return f" {label or 'everyone'} "
    if "://" in target or target.startswith(("mailto:", "tel:")):
        return f" {label or target.removeprefix('mailto:').removeprefix('tel:')} "
    return match[0]


def _domain(match: re.Match[str]) -> str:
    host = _DOMAIN.fullmatch(match[1])
    return f" {host[1].lower()} " if host else " link "


def _fence(match: re.Match[str]) -> str:
    code = match[1].strip()
    if len(code) > _CODE_HEAD + _CODE_TAIL:
        code = f"{code[:_CODE_HEAD]}{_GAP}{code[-_CODE_TAIL:]}"
    return f" {code.replace('`', ' ')} "


def _shortcode_words(match: re.Match[str]) -> str:
    names = [name for name in match[0].split(":") if name and not name.lower().startswith("skin-tone-")]
    if not any(character.isalpha() for name in names for character in name) and "+1" not in names and "-1" not in names:
        return match[0]  # a time such as 10:30:45, not an emoji
    words = ({"+1": "👍", "-1": "👎"}.get(name) or re.sub(r"[_+-]+", " ", name).strip() for name in names)
    return f" {' '.join(words)} "


def _visible(text: str) -> str:
    """Drop control, bidi, private and unassigned characters, surrogates and invisible joiners that join nothing."""
    text = "".join(
        " " if character.isspace() else character
        for character in text
        if character in "\u200c\u200d" or character.isspace() or unicodedata.category(character)[0] != "C"
    )
    text = re.sub("[\ufe00-\ufe0f\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5\u180b-\u180f]", "", text)
    return _ZERO_WIDTH.sub(lambda match: match[0] if joins(text, match.start()) else "", text)


def joins(text: str, at: int) -> bool:
    """Keep a joiner only inside an emoji sequence or a script that spells with it."""
    before, after = text[at - 1 : at] if at else "", text[at + 1 : at + 2]
    return bool(_JOINABLE.match(before) and _JOINABLE.match(after))


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text.translate(_QUOTES))


def _fold(text: str) -> str:
    text = _REPEATS.sub(r"\1\1\1", _MARKS.sub(r"\1", text))
    return " ".join(text.split())


def _keep_ends(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    room = limit - len(_GAP)
    if room < len(_GAP):
        return text[:limit].strip()
    tail = room // 3
    return f"{text[: room - tail].rstrip()}{_GAP}{text[-tail:].lstrip()}"


_STEPS: tuple[Callable[[str], str], ...] = (
    _visible,
    lambda text: _FENCE.sub(_fence, text),
    lambda text: _INLINE_CODE.sub(lambda match: f" {match[1][:_INLINE]} ", text),
    lambda text: _SLACK.sub(_angle, text),
    lambda text: _URL.sub(_domain, text),
    _mentions,
    lambda text: _SHORTCODES.sub(_shortcode_words, text),
    html.unescape,
    _normal,
    _visible,
    _fold,
)
