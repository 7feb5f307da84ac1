"""What there is to learn from, brought up to date by what has changed: always as if all of it had been read anew."""

from __future__ import annotations

import random
from collections.abc import Callable

from sqlalchemy import Connection

from tests.workers.store.samples import BOB, CHAT, EVE, UMA, act, choose, delete, edit, message, stored
from workers.core.events import ChatRef
from workers.serving.labelled_vectors import LabelledMessages, State, read_state
from workers.store import chat_migration, erasure, labels, ledger, messages, training_set
from workers.store.database import Database

MESSAGES = 40


def rows(labelled: LabelledMessages) -> list[tuple[int, int]]:
    return list(zip(labelled.ids.tolist(), labelled.label_ids.tolist(), strict=True))


def caught_up(db: Database, before: State | None) -> State:
    """The state after what has changed since `before`, which is also all that there is."""
    with db.read() as c:
        state, _ = read_state(c, before)
        assert rows(state.messages) == training_set.labelled(c)
        assert rows(read_state(c, None)[0].messages) == training_set.labelled(c)
    return state


def test_one_reaction_is_read_alone_and_its_withdrawal_leaves_nothing(db: Database) -> None:
    stored(db, 1, 2)
    with db.write() as c:
        labels.add(c, "Bug", "", "🐛", 0)
        ledger.append(c, [act(1, "🐛")], 0)
    first = caught_up(db, None)
    with db.write() as c:
        ledger.append(c, [act(2, "🐛")], 0)
    with db.read() as c:
        second, changed = read_state(c, first)
    assert changed == [2]
    with db.write() as c:
        ledger.append(c, [act(2, "🐛", at=2.0, added=False)], 0)
    assert rows(caught_up(db, second).messages) == rows(first.messages)


def test_a_reaction_older_than_its_message_counts_once_the_message_is_there(db: Database) -> None:
    with db.write() as c:
        labels.add(c, "Bug", "", "🐛", 0)
        ledger.append(c, [act(1, "🐛")], 0)
    before = caught_up(db, None)
    assert rows(before.messages) == []
    stored(db, 1)
    assert len(rows(caught_up(db, before).messages)) == 1


def test_an_edit_is_seen_as_a_change_of_what_was_labelled(db: Database) -> None:
    stored(db, 1)
    with db.write() as c:
        labels.add(c, "Bug", "", "🐛", 0)
        ledger.append(c, [act(1, "🐛")], 0)
    before = caught_up(db, None)
    with db.write() as c:
        messages.edit(c, edit(1, "Other words"))
    with db.read() as c:
        assert read_state(c, before)[1] == [1]
    with db.write() as c:
        messages.delete(c, delete(1))
    assert rows(caught_up(db, before).messages) == []


def random_act(rng: random.Random, time: float) -> Callable[[Connection], object]:
    """Something that changes what can be learned from, or might."""
    number, who = rng.randrange(MESSAGES), rng.choice([BOB, EVE, UMA])
    emoji, added = rng.choice("🐛💡🎉"), rng.random() < 0.7
    texts = ("", "Some other words", f"Said at {time}")
    return rng.choice(
        [
            lambda c: ledger.append(c, [act(number, emoji, who, at=time, added=added)], time),
            lambda c: ledger.append(c, [act(number, emoji, who, at=time), act(number, emoji, UMA, at=time)], time),
            lambda c: ledger.append(c, [choose(number, None, who, at=time)], time),
            lambda c: messages.record(c, [message(number, author=who), message(number + 1, author=who)]),
            lambda c: messages.edit(c, edit(number, rng.choice(texts), time)),
            lambda c: messages.delete(c, delete(number)) if rng.random() < 0.1 else None,
            lambda c: change_labels(c, rng, time),
            lambda c: erasure.forget(c, who.id, CHAT.platform, CHAT.workspace) if rng.random() < 0.04 else None,
        ]
    )


def change_labels(c: Connection, rng: random.Random, time: float) -> None:
    """Add a label, take one away, or make two one."""
    living = labels.living(c)
    if len(living) < 2 or rng.random() < 0.5:
        unused = [emoji for emoji in "🐛💡🎉" if labels.by_emoji(c, emoji) is None]
        labels.add(c, f"Label {time}", "", unused[0] if unused else "", time)
    elif rng.random() < 0.5:
        labels.remove(c, living[0], time)
    else:
        labels.merge(c, living[0], living[1])


def test_whatever_happened_in_whatever_order_nothing_is_missed(db: Database) -> None:
    rng, state = random.Random(0), None
    sizes: set[int] = set()
    for time in range(1, 300):
        with db.write() as c:
            random_act(rng, float(time))(c)
        # Several things may have happened since the last look.
        if rng.random() < 0.6:
            state = caught_up(db, state)
            sizes.add(len(state.messages.ids))
    with db.write() as c:
        chat_migration.migrate(c, CHAT, ChatRef(platform="web", workspace="w", chat_id="elsewhere"))
    caught_up(db, state)
    assert len(sizes) > 4
