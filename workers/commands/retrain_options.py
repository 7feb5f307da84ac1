"""What people write behind `retrain`: a method, or `name=value`; and which backbones can be named in a chat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast, get_args

from workers.commands.context import Call
from workers.core.jobs import Method
from workers.core.replies import Post
from workers.store import named_backbones

METHODS: tuple[str, ...] = get_args(Method)
OURS = ("minilm", "static", "gru", "lstm")
HUB = re.compile(r"[\w][\w.-]*/[\w][\w.-]*", re.ASCII)
"""Owner and name on the hub. A folder of the server is nobody's to name from a chat."""
MOST_EPOCHS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for; empty and None where nothing was."""

    method: Method | None = None
    backbone: str = ""
    epochs: float | None = None
    recipe: str = ""


def read(call: Call) -> Asked | list[Post]:
    """Read the words behind the verb, or say which of them makes no sense."""
    found: dict[str, str] = {}
    for word in call.rest.split():
        name, equals, value = word.partition("=")
        key = name.lower() if equals else "method"
        if key not in ("method", "backbone", "epochs", "recipe") or key in found:
            return unknown(call, word)
        found[key] = value if equals else word
    method, recipe = found.get("method", "").lower(), found.get("recipe", "").lower()
    if (method and method not in METHODS) or recipe not in ("", "tuned", "default"):
        return unknown(call, found["method"] if method not in ("", *METHODS) else found["recipe"])
    if "backbone" in found and (refused := not_a_backbone(call, found["backbone"])):
        return refused
    epochs = number(found["epochs"]) if "epochs" in found else None
    if "epochs" in found and epochs is None:
        return call.say("epochs_wrong", text=found["epochs"][:40], most=MOST_EPOCHS)
    return Asked(cast(Method, method) if method else None, found.get("backbone", ""), epochs, recipe)


def unknown(call: Call, text: str) -> list[Post]:
    """Say that the verb does not know this word."""
    return call.say("option_unknown", verb=call.verb.name, text=text[:40], arguments=call.verb.arguments)


def not_a_backbone(call: Call, name: str) -> list[Post] | None:
    """Say which backbones there are, unless this is one: ours, a named base, or a name on the hub."""
    known = [*OURS, *(base.name for base in named_backbones.every(call.c)[:5])]
    if name.lower() in known or named_backbones.find(call.c, name) or HUB.fullmatch(name):
        return None
    return call.say("backbone_unknown", name=name[:80], known=", ".join(f"`{one}`" for one in known))


def number(text: str) -> float | None:
    """A number of epochs, or None."""
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", text, re.ASCII):
        return None
    return value if 1 <= (value := float(text)) <= MOST_EPOCHS else None


def minutes(text: str, most: int) -> int | None:
    """A whole number of minutes from 1 to `most`, or None."""
    return int(text) if re.fullmatch(r"\d{1,5}", text, re.ASCII) and 1 <= int(text) <= most else None
