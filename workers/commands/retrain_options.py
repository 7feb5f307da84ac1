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
class RetrainOptions:
    """What was asked for; empty and None where nothing was."""

    method: Method | None = None
    backbone: str = ""
    epochs: float | None = None
    recipe: str = ""


def parse(call: Call) -> RetrainOptions | list[Post]:
    """Read the words behind the verb, or say which of them makes no sense."""
    options: dict[str, str] = {}
    for word in call.rest.split():
        name, equals, value = word.partition("=")
        key = name.lower() if equals else "method"
        if key not in ("method", "backbone", "epochs", "recipe") or key in options:
            return unknown_option(call, word)
        options[key] = value if equals else word
    method, recipe = options.get("method", "").lower(), options.get("recipe", "").lower()
    if (method and method not in METHODS) or recipe not in ("", "tuned", "default"):
        return unknown_option(call, options["method"] if method not in ("", *METHODS) else options["recipe"])
    if "backbone" in options and (refused := unknown_backbone(call, options["backbone"])):
        return refused
    epochs = epochs_in(options["epochs"]) if "epochs" in options else None
    if "epochs" in options and epochs is None:
        return call.say("epochs_wrong", text=options["epochs"][:40], most=MOST_EPOCHS)
    return RetrainOptions(cast(Method, method) if method else None, options.get("backbone", ""), epochs, recipe)


def unknown_option(call: Call, text: str) -> list[Post]:
    """Say that the verb does not know this word."""
    return call.say("option_unknown", verb=call.verb.name, text=text[:40], arguments=call.verb.arguments)


def unknown_backbone(call: Call, name: str) -> list[Post] | None:
    """Say which backbones there are, unless this is one: ours, a named one of this chat's, or a name on the hub."""
    names = [*OURS, *(base.name for base in named_backbones.every(call.c)[:5])]
    if name.lower() in names or named_backbones.find(call.c, name) or HUB.fullmatch(name):
        return None
    return call.say("backbone_unknown", name=name[:80], known=", ".join(f"`{backbone}`" for backbone in names))


def epochs_in(text: str) -> float | None:
    """A number of epochs, or None."""
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", text, re.ASCII):
        return None
    return value if 1 <= (value := float(text)) <= MOST_EPOCHS else None


def minutes_in(text: str, most: int) -> int | None:
    """A whole number of minutes from 1 to `most`, or None."""
    return int(text) if re.fullmatch(r"\d{1,5}", text, re.ASCII) and 1 <= int(text) <= most else None
