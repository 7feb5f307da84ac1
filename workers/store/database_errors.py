"""What a database says went wrong, as sentences that say what to do."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import DBAPIError


def kept_locked(location: str, holder: str, seconds: float) -> str:
    """Somebody writes all the time; `holder` names their process, as far as that is known."""
    if not holder:
        return f"Somebody else kept {location} locked for {seconds:g} seconds; try again, or stop the other program."
    return (
        f"Process {holder} has kept {location} locked for more than {seconds:g} seconds; look whether it hangs,"
        " and stop it if it does."
    )


def explain(error: DBAPIError, location: str, seconds: float, holder: Callable[[], str]) -> str | None:
    """What happened in words, or None for a mistake of ours, which should stay an exception.

    `seconds` is how long a lock is waited for, and `holder` finds out who holds it.
    """
    # By words, because the two drivers share no codes.
    text = str(error.orig).lower()
    if "unable to open" in text or "readonly" in text or "permission denied" in text:
        todo = "check that the folder exists and that this account may write"
        return f"Backchannel cannot open or write {location}; {todo}."
    if "database is locked" in text:
        return kept_locked(location, "", seconds)
    if "lock timeout" in text:
        return kept_locked(location, holder(), seconds)
    if "idle-in-transaction" in text or "idle in transaction" in text:
        return f"This process stood still in the middle of a transaction in {location}, which was undone; try again."
    if "deadlock detected" in text or "could not serialize" in text:
        return f"Two transactions stood in each other's way in {location}; try again."
    if "disk is full" in text or "no space left" in text:
        return f"There is no room left for {location}; free some space on the disk."
    if "not a database" in text or "malformed" in text:
        return (
            f"Something other than our data, or damaged data, is in {location}; restore a backup or name another file."
        )
    if "password authentication failed" in text or ("role" in text and "does not exist" in text):
        return f"The name or the password is wrong for {location}; correct the URL."
    if error.connection_invalidated or "connection" in text or ("does not exist" in text and "database" in text):
        return f"Nothing answers as {location}; check that the server runs and that the URL is right."
    return None
