"""Slack's names of emoji to their one neutral form, and back."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

import emoji

from workers.core.emoji import CUSTOM, neutral

FLAG = re.compile(r"flag-([a-z]{2})")
SKIN = re.compile(r"(?:::skin-tone-[2-6](?:-[2-6])?)+$")
"""One tone, or those of two people."""
FIRST_LETTER = 0x1F1E6
"""The regional indicator A: two of these make a country's flag."""


def neutral_of(name: str) -> str:
    """The emoji that Slack calls `name`: `+1::skin-tone-3` is `👍`; a custom one stays `:name:`."""
    bare = SKIN.sub("", name.strip().lower()).strip(":")
    if bare in _by_name():
        return _by_name()[bare]
    if flag := FLAG.fullmatch(bare):
        return "".join(chr(FIRST_LETTER + ord(letter) - ord("a")) for letter in flag[1])
    return neutral(f":{bare}:")


def name_of(form: str) -> str | None:
    """What Slack calls an emoji in neutral form, or None if it has no name for it."""
    if CUSTOM.fullmatch(form):
        return form.strip(":")
    if form in _by_emoji():
        return _by_emoji()[form]
    letters = [chr(ord(letter) - FIRST_LETTER + ord("a")) for letter in form if 0 <= ord(letter) - FIRST_LETTER < 26]
    if len(letters) == 2:
        return "flag-" + "".join(letters)
    # Neutral forms have no variation selector, and some names are known only with one.
    dressed = form if emoji.is_emoji(form) else form[:1] + "\ufe0f" + form[1:]
    named = emoji.demojize(dressed, language="alias")
    return named.strip(":") if CUSTOM.fullmatch(named) else None


@cache
def _by_name() -> dict[str, str]:
    """Names that the `emoji` library does not know, or takes for another emoji, and those of British English.

    A reaction has the American name whatever people type: https://github.com/slackapi/python-slack-sdk/issues/1588.
    """
    return {name: form for form, *names in _rows() for name in names}


@cache
def _by_emoji() -> dict[str, str]:
    return {form: name for form, name, *_ in _rows()}


def _rows() -> list[list[str]]:
    text = files("bot.platforms.slack").joinpath("emoji_names.txt").read_text("utf-8")
    return [line.split() for line in text.splitlines()]
