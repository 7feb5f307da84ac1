"""Whether our processes live: bots say so at /healthz, all others by a recent sign of life in the database."""

from __future__ import annotations

import time
from collections.abc import Iterable

from bot.doctor.findings import Finding
from bot.settings import BotSettings, Served
from bot.supervisor.stack import HEALTH_SECONDS, WORKERS, health_status
from workers.core.errors import BackchannelError
from workers.store import heartbeats
from workers.store.database import Database

BOTS = ("bot-web", "bot-slack", "bot-telegram")
BEATING = {**{f"worker-{name}": name for name in WORKERS}, "beat": "beat"}
"""Name of a process, as in the supervisor's log, and the role for which it beats."""


def expected(bot_settings: BotSettings) -> list[str]:
    """What `backchannel up` runs with these settings, less the broker."""
    return [*(f"bot-{platform}" for platform in bot_settings.enabled), *BEATING]


def examine(
    names: Iterable[str], bot_settings: BotSettings, database: Database | None, host: str = ""
) -> list[Finding]:
    """One finding for each process; with `host`, only what runs there counts. Bots can be asked without a database.

    Raises BackchannelError for a name that no process has.
    """
    return [_bot(name, bot_settings) if name in BOTS else _beating(name, database, host) for name in names]


def _bot(name: str, bot_settings: BotSettings) -> Finding:
    platform = name.removeprefix("bot-")
    served: Served = getattr(bot_settings, platform)
    variable = f"BACKCHANNEL_{platform.upper()}__PORT"
    if not served.port:
        return Finding(False, f"{name} takes any free port and can't be asked.", f"Give it one by {variable}.")
    status, said = health_status(served, HEALTH_SECONDS) or (None, "")
    if status == 200:
        return Finding(True, f"{name} answers on port {served.port} and is connected.")
    if status == 503:
        return Finding(False, f"{name} runs and is not well: {said}.", "Look at its log; it goes on trying by itself.")
    if status is None:
        todo = f"Start `backchannel up` or `backchannel bot {platform}`, or look at its log."
        return Finding(False, f"{name} does not answer on port {served.port}.", todo)
    todo = f"Stop that program, or choose another port by {variable}."
    return Finding(False, f"Something other than {name} answers on port {served.port} (HTTP {status}).", todo)


def _beating(name: str, database: Database | None, host: str) -> Finding:
    role = BEATING.get(name)
    if role is None:
        raise BackchannelError(f"There is no process {name!r}: choose from {', '.join((*BOTS, *BEATING))}.")
    if database is None:
        return Finding(False, f"Whether {name} lives can't be seen.", "Mend the database first.")
    start = "backchannel beat" if name == "beat" else f"backchannel worker {role}"
    where = f" on {host}" if host else ""
    try:
        with database.read() as c:
            lives = heartbeats.alive(c, role, time.time() - heartbeats.ALIVE, host)
    except BackchannelError as error:
        return Finding(False, f"Whether {name} lives can't be seen.", str(error))
    if lives:
        return Finding(True, f"{name} lives{where}.")
    todo = f"Start `backchannel up` or `{start}`, or look at its log."
    return Finding(False, f"{name} gave no sign of life in the last {heartbeats.ALIVE:g} s{where}.", todo)
