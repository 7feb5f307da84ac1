"""The shapes of the Web API: how arguments come, what is within Slack's limits, and what errors look like."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from aiohttp import web

Args = dict[str, Any]
Answer = dict[str, Any]


class Trouble(Exception):
    """An error as the Web API says it."""

    def __init__(self, code: str, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(code)
        self.code, self.status, self.headers, self.more = code, status, headers or {}, more


async def arguments(request: web.Request) -> Args:
    """Arguments come as JSON, as a form or in the address."""
    args: Args = dict(request.query)
    if request.content_type == "application/json":
        return args | await request.json()
    return args | dict(await request.post())


def structured(value: Any) -> Any:
    """Blocks and views come as JSON, at times within a form."""
    return json.loads(value) if isinstance(value, str) else value


def shown(args: Args) -> Answer:
    """What people see of a message."""
    kept = ("text", "thread_ts")
    return {name: args[name] for name in kept if args.get(name)} | {"blocks": structured(args.get("blocks") or [])}


def check_blocks(args: Args, most: int = 50) -> None:
    """Slack's limits: blocks in a surface, characters of a section, elements of a row, characters on buttons."""
    blocks = structured(args.get("blocks") or [])
    seen: Counter[str] = Counter()
    wrong = len(blocks) > most
    for block in blocks:
        text = block.get("text", {}).get("text", "-")
        wrong |= block["type"] == "section" and not 0 < len(text) <= 3000
        wrong |= block["type"] == "header" and not 0 < len(text) <= 150
        elements = block.get("elements", [])
        wrong |= block["type"] == "actions" and not 0 < len(elements) <= 25
        for element in elements:
            seen[element["action_id"]] += 1
            wrong |= not 0 < len(element["text"]["text"]) <= 75 or len(element.get("value", "-")) > 2000
    if wrong or any(count > 1 for count in seen.values()):
        raise Trouble("invalid_blocks")
    if len(str(args.get("text", ""))) > 40000:
        raise Trouble("msg_too_long")
