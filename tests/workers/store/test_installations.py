"""Installed workspaces and OAuth states, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pydantic import SecretStr

from workers.store import installations
from workers.store.database import Database

TOKEN = SecretStr('{"bot_token": "xoxb-canary"}')
OTHER = SecretStr('{"bot_token": "xoxb-other"}')


def test_a_workspace_is_found_as_it_was_saved_and_shows_no_token(db: Database) -> None:
    with db.write() as c:
        installations.save(c, "slack", "T1", "Acme", TOKEN, 5.0)
        installation = installations.find(c, "slack", "T1")
    assert installation is not None
    assert installation.data.get_secret_value() == TOKEN.get_secret_value()
    assert (installation.name, installation.installed_at, installation.revoked_at) == ("Acme", 5.0, None)
    assert "canary" not in repr(installation)


def test_workspaces_of_other_platforms_are_others(db: Database) -> None:
    with db.write() as c:
        installations.save(c, "slack", "T1", "Acme", TOKEN, 5.0)
        installations.save(c, "slack", "T0", "Zoo", OTHER, 6.0)
        installations.save(c, "else", "T1", "Acme", OTHER, 7.0)
        assert [item.workspace for item in installations.every(c, "slack")] == ["T0", "T1"]
        assert installations.find(c, "else", "T0") is None


def test_a_revoked_workspace_stops_alone_and_lives_again_once_installed_anew(db: Database) -> None:
    with db.write() as c:
        installations.save(c, "slack", "T1", "Acme", TOKEN, 5.0)
        installations.save(c, "slack", "T2", "Zoo", OTHER, 5.0)
        assert installations.revoke(c, "slack", "T1", 8.0)
        assert not installations.revoke(c, "slack", "T1", 9.0), "it was known already"
        assert [item.revoked_at for item in installations.every(c, "slack")] == [8.0, None]
        installations.save(c, "slack", "T1", "Acme", OTHER, 10.0)
        assert [item.revoked_at for item in installations.every(c, "slack")] == [None, None]


def test_news_about_old_tokens_does_not_revoke_new_ones(db: Database) -> None:
    with db.write() as c:
        installations.save(c, "slack", "T1", "Acme", OTHER, 5.0)
        assert not installations.revoke(c, "slack", "T1", 8.0, TOKEN)
        assert installations.revoke(c, "slack", "T1", 8.0, OTHER)


def test_a_state_counts_once_and_not_after_its_time(db: Database) -> None:
    with db.write() as c:
        installations.issue_state(c, "s1", 0.0, 600.0)
        installations.issue_state(c, "s2", 0.0, 10.0)
        assert installations.consume_state(c, "s1", 1.0)
        assert not installations.consume_state(c, "s1", 1.0), "used up"
        assert not installations.consume_state(c, "s2", 11.0), "expired"
        assert not installations.consume_state(c, "never", 1.0)


def test_of_many_who_bring_the_same_state_one_gets_in(db: Database) -> None:
    with db.write() as c:
        installations.issue_state(c, "s1", 0.0, 600.0)

    def consume(_: int) -> bool:
        with db.write() as c:
            return installations.consume_state(c, "s1", 1.0)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(consume, range(8))) == 1
