"""The workspaces that installed the bot, and the states of installs under way. Tokens stand here and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr
from sqlalchemy import Connection, delete, select, update

from workers.store.sql import AnyRow, insert
from workers.store.tables import installations, oauth_states


@dataclass(frozen=True, slots=True)
class Installation:
    """One workspace. `data` is the platform's own JSON with its tokens; `revoked_at` is set once they are worthless."""

    platform: str
    workspace: str
    name: str
    data: SecretStr
    installed_at: float
    revoked_at: float | None


def _installation(row: AnyRow) -> Installation:
    return Installation(row.platform, row.workspace, row.name, SecretStr(row.data), row.installed_at, row.revoked_at)


def save(c: Connection, platform: str, workspace: str, name: str, data: SecretStr, now: float) -> None:
    """Keep what a workspace handed over; one that installs the bot again is no longer revoked."""
    values = {"name": name, "data": data.get_secret_value(), "installed_at": now, "revoked_at": None}
    statement = insert(c, installations).values(platform=platform, workspace=workspace, **values)
    c.execute(statement.on_conflict_do_update(index_elements=["platform", "workspace"], set_=values))


def find(c: Connection, platform: str, workspace: str) -> Installation | None:
    """The workspace, revoked or not, or None if it never installed the bot."""
    same = (installations.c.platform == platform) & (installations.c.workspace == workspace)
    row = c.execute(select(installations).where(same)).first()
    return None if row is None else _installation(row)


def every(c: Connection, platform: str) -> list[Installation]:
    """All workspaces of a platform, revoked ones too, by their id."""
    statement = select(installations).where(installations.c.platform == platform)
    return [_installation(row) for row in c.execute(statement.order_by(installations.c.workspace))]


def revoke(c: Connection, platform: str, workspace: str, now: float, data: SecretStr | None = None) -> bool:
    """Write down that a workspace's tokens are worthless. Returns whether that was news.

    With `data`, only if these are still its tokens: it may have installed the bot anew meanwhile.
    """
    same = (installations.c.platform == platform) & (installations.c.workspace == workspace)
    if data is not None:
        same &= installations.c.data == data.get_secret_value()
    valid = same & installations.c.revoked_at.is_(None)
    return bool(c.execute(update(installations).where(valid).values(revoked_at=now)).rowcount)


def issue_state(c: Connection, state: str, now: float, seconds: float) -> None:
    """Remember that somebody began to install the bot; states that have expired are forgotten."""
    c.execute(delete(oauth_states).where(oauth_states.c.expires_at <= now))
    c.execute(insert(c, oauth_states).values(state=state, expires_at=now + seconds))


def consume_state(c: Connection, state: str, now: float) -> bool:
    """Whether this state was issued by us, has not expired and was not used before; it is used up by asking."""
    # Of two who come with the same state at once, only one deletes a row.
    statement = delete(oauth_states).where(oauth_states.c.state == state, oauth_states.c.expires_at > now)
    return c.execute(statement).rowcount == 1
