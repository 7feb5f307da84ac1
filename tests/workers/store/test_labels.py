"""Labels and the ledger: what is derived is a function of what people did, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.workers.store.samples import EVE, UMA, act, choose, ref, stored
from workers.core.events import Person
from workers.store import labels, ledger, training_set
from workers.store.database import Database, Stale
from workers.store.labels import LabelError
from workers.store.ledger import Derived, LedgerRow, derive, ledger_of, living_labels, resolve
from workers.store.tables import message_labels

BUG, IDEA = 1, 2


@pytest.mark.parametrize(
    ("rows", "derived"),
    [
        ([], Derived(None, 0, False)),
        ([choose(1, BUG)], Derived(BUG, 1, False)),
        ([choose(1, BUG), choose(1, IDEA, EVE)], Derived(None, 2, True)),
        ([choose(1, BUG), choose(1, IDEA, EVE), choose(1, BUG, UMA)], Derived(BUG, 3, False)),
        ([choose(1, BUG, at=1.0), choose(1, IDEA, at=2.0)], Derived(IDEA, 1, False)),
        ([choose(1, BUG, at=1.0), choose(1, BUG, at=2.0, added=False)], Derived(None, 0, False)),
        ([choose(1, None)], Derived(None, 1, False)),
        ([choose(1, None), choose(1, BUG, EVE)], Derived(None, 2, True)),
        ([act(1, "🐛", label=BUG, at=1.0), act(1, "💡", label=IDEA, at=2.0)], Derived(IDEA, 1, False)),
        (
            [act(1, "🐛", label=BUG, at=1.0), act(1, "💡", label=IDEA, at=2.0), act(1, "💡", at=3.0, added=False)],
            Derived(BUG, 1, False),
        ),
        (
            [act(1, "🐛", label=BUG, at=1.0, sequence=2), act(1, "🐛", at=1.0, sequence=1, added=False)],
            Derived(BUG, 1, False),
        ),
        ([act(1, "🎉")], Derived(None, 0, False)),
        ([act(1, "🎉", at=5.0), choose(1, BUG, at=1.0)], Derived(BUG, 1, False)),
        ([act(1, "🐛", label=BUG, at=1.0), choose(1, IDEA, at=2.0)], Derived(IDEA, 1, False)),
    ],
)
def test_derive(rows: Sequence[LedgerRow], derived: Derived) -> None:
    assert derive(rows) == derived


def test_removed_labels_have_no_votes_and_merged_ones_count_for_their_target() -> None:
    rows = [choose(1, BUG), choose(1, IDEA, EVE), choose(1, IDEA, UMA)]
    assert derive(resolve(rows, {BUG: BUG})) == Derived(BUG, 1, False)
    assert derive(resolve(rows, {BUG: BUG, IDEA: BUG})) == Derived(BUG, 3, False)
    assert derive(resolve(rows, {})) == Derived(None, 0, False)


PEOPLE = st.sampled_from([Person(id=f"p{number}") for number in range(4)])


@st.composite
def ledgers(draw: st.DrawFn) -> list[LedgerRow]:
    """Acts of four people on three messages, with equal times and sequences among them."""
    rows: list[LedgerRow] = []
    for number in range(draw(st.integers(0, 24))):
        where, who = draw(st.integers(1, 3)), draw(PEOPLE)
        more = {"key": f"h{number}", "at": float(draw(st.integers(0, 5))), "sequence": draw(st.integers(0, 2))}
        added = draw(st.booleans())
        if draw(st.booleans()):
            rows.append(act(where, draw(st.sampled_from("🐛💡🎉")), who, added=added, **more))
        else:
            rows.append(choose(where, draw(st.sampled_from([None, 1, 2])), who, added=added, **more))
    return rows


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[LedgerRow], list[list[LedgerRow]]]:
    """A ledger, and a delivery of it in shuffled pieces in which rows may come twice."""
    rows = draw(ledgers())
    again = draw(st.lists(st.sampled_from(rows), max_size=6)) if rows else []
    shuffled = draw(st.permutations(rows + again))
    cuts = sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    bounds = [0, *cuts, len(shuffled)]
    return rows, [list(shuffled[start:end]) for start, end in pairwise(bounds)]


@given(deliveries())
def test_order_and_repetition_do_not_matter(delivery: tuple[list[LedgerRow], list[list[LedgerRow]]]) -> None:
    rows, pieces = delivery
    rows = [replace(row, label={"🐛": BUG, "💡": IDEA}.get(row.emoji, row.label)) for row in rows]
    known = {row.key: row for row in rows}
    arrived = [known[row.key] for piece in pieces for row in piece]
    for number in (1, 2, 3):
        here = [row for row in rows if row.ref == ref(number)]
        assert derive(row for row in arrived if row.ref == ref(number)) == derive(here)


class Undo(Exception):
    """Ends a transaction without keeping it."""


def materialised(c: Connection) -> dict[str, Derived]:
    rows = c.execute(select(message_labels)).all()
    return {row.ref: Derived(row.label, row.votes, row.disputed) for row in rows}


def from_scratch(c: Connection) -> dict[str, Derived]:
    living = living_labels(c)
    refs = {row.ref.key for row in ledger.ledger(c)}
    return {ref: derive(resolve(rows, living)) for ref, rows in ledger_of(c, refs).items()}


def votes(after: dict[str, Derived]) -> dict[str, Derived]:
    return {ref: derived for ref, derived in after.items() if derived.votes}


SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SLOW
@given(delivery=deliveries())
def test_what_is_stored_is_what_is_derived_from_scratch(
    db: Database, delivery: tuple[list[LedgerRow], list[list[LedgerRow]]]
) -> None:
    def deliver(pieces: Sequence[Sequence[LedgerRow]]) -> dict[str, Derived]:
        after: dict[str, Derived] = {}
        try:
            with db.write() as c:
                ids = dict(zip((1, 2), two_labels(c), strict=True))
                for piece in pieces:
                    ledger.append(c, [with_label(row, ids) for row in piece], 0)
                after = votes(materialised(c))
                assert after == votes(from_scratch(c))
                raise Undo
        except Undo:
            return normal(after, ids)

    rows, pieces = delivery
    in_order = sorted(rows, key=lambda row: (row.at, row.sequence, row.key))
    assert deliver([in_order]) == deliver(pieces)


def two_labels(c: Connection) -> tuple[int, int]:
    return labels.add(c, "Bug", "", "🐛", 0).id, labels.add(c, "Idea", "", "💡", 0).id


def with_label(row: LedgerRow, ids: dict[int, int]) -> LedgerRow:
    return replace(row, label=ids.get(row.label) if row.label else None)


def normal(after: dict[str, Derived], ids: dict[int, int]) -> dict[str, Derived]:
    """Postgres gives out new numbers after a rollback: compare by which label it is."""
    names = {id: name for name, id in ids.items()}
    return {ref: replace(derived, label=names.get(derived.label or 0)) for ref, derived in after.items()}


CHANGES = st.lists(st.sampled_from(["remove", "merge", "take emoji", "give emoji", "add", "rename"]), max_size=4)


@SLOW
@given(rows=ledgers(), changes=CHANGES, more=ledgers())
def test_changes_of_the_set_derive_everything_anew(
    db: Database, rows: list[LedgerRow], changes: list[str], more: list[LedgerRow]
) -> None:
    try:
        with db.write() as c:
            ids = dict(zip((1, 2), two_labels(c), strict=True))
            ledger.append(c, [with_label(row, ids) for row in rows], 0)
            for change in changes:
                revision = labels.revision(c)
                if change_set(c, change):
                    assert labels.revision(c) > revision
                assert votes(materialised(c)) == votes(from_scratch(c))
            ledger.append(c, [replace(with_label(row, ids), key=f"more {row.key}") for row in more], 0)
            assert votes(materialised(c)) == votes(from_scratch(c))
            raise Undo
    except Undo:
        pass


def change_set(c: Connection, change: str) -> bool:
    living = labels.living(c)
    if change == "add":
        labels.add(c, f"New {len(ledger.ledger(c))} {len(living)} {labels.revision(c)}", "", None, 0)
    elif not living:
        return False
    elif change == "remove":
        labels.remove(c, living[0], 0)
    elif change == "merge" and len(living) > 1:
        labels.merge(c, living[0], living[1])
    elif change == "take emoji":
        labels.set_emoji(c, living[0], None, 0)
    elif change == "give emoji" and not labels.by_emoji(c, "🎉"):
        labels.set_emoji(c, living[-1], "🎉", 0)
    elif change == "rename":
        labels.rename(c, living[0], f"Renamed {labels.revision(c)}")
    else:
        return False
    return True


def test_appending_counts_new_rows_and_moves_the_revision_when_something_changed(db: Database) -> None:
    stored(db, 1)
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        before = labels.revision(c)
        row = act(1, "🐛")
        assert ledger.append(c, [row, row], 0) == 1
        assert ledger.append(c, [row], 0) == ledger.append(c, [], 0) == 0
        assert labels.revision(c) == before + 1
        ledger.append(c, [act(1, "🐛", EVE, at=0.5, added=False), act(1, "🎉", EVE)], 0)
        assert labels.revision(c) == before + 1
        assert training_set.counts(c) == {bug.id: 1}
        [known] = [row for row in ledger.ledger(c, ref(1)) if row.emoji == "🐛" and row.added]
        assert known == replace(row, label=bug.id)


def test_reactions_from_before_a_label_existed_count(db: Database) -> None:
    stored(db, 1, 2)
    with db.write() as c:
        ledger.append(c, [act(1, "🐛"), act(2, "💡")], 0)
        bug = labels.add(c, "Bug", "", "🐛", 0)
        assert training_set.counts(c) == {bug.id: 1}
        labels.set_emoji(c, bug, "💡", 0)
        assert training_set.counts(c) == {bug.id: 2}


def test_an_emoji_that_moves_on_takes_no_past_with_it(db: Database) -> None:
    stored(db, 1, 2)
    with db.write() as c:
        bug = labels.add(c, "Bug", "", "🐛", 0)
        ledger.append(c, [act(1, "🐛", at=1.0)], 0)
        labels.set_emoji(c, bug, None, 0)
        beetle = labels.add(c, "Beetle", "", "🐛", 0)
        ledger.append(c, [act(2, "🐛", at=2.0)], 0)
        assert training_set.counts(c) == {bug.id: 1, beetle.id: 1}
        ledger.append(c, [act(1, "🐛", at=3.0, added=False)], 0)
        assert training_set.counts(c) == {beetle.id: 1}


def test_a_reaction_never_counts_for_a_label_that_is_gone_though_an_older_one_has_its_emoji_now(db: Database) -> None:
    stored(db, 1)
    with db.write() as c:
        bug = labels.add(c, "Bug", "", None, 0)
        beetle = labels.add(c, "Beetle", "", "🐛", 0)
        labels.remove(c, beetle, 0)
        labels.set_emoji(c, bug, "🐛", 0)
        ledger.append(c, [act(1, "🐛")], 0)
        assert training_set.counts(c) == {bug.id: 1}


def test_what_was_derived_ahead_of_a_change_leaves_room_for_votes_that_come_meanwhile(db: Database) -> None:
    stored(db, 1, 2, 3, 4)
    with db.write() as c:
        bug, idea = labels.add(c, "Bug", "", "🐛", 0), labels.add(c, "Idea", "", "💡", 0)
        ledger.append(c, [act(1, "🐛"), act(2, "🐛"), act(2, "💡", EVE), act(3, "🎉")], 0)
    with db.read() as c:
        merged = labels.ahead_of_removal(c, bug, idea, 0)
        party = labels.ahead_of_emoji(c, "🎉", None, 0)
    with db.write() as c:
        ledger.append(c, [act(1, "🎉", EVE), choose(2, None, UMA), act(4, "🐛"), act(3, "🎉", EVE)], 0)
        labels.merge(c, bug, idea, merged)
        assert derived_labels(c) == by_hand(c)
        with pytest.raises(Stale):
            labels.add(c, "Party", "", "🎉", 0, party)
        party = labels.ahead_of_emoji(c, "🎉", None, 0)
        ledger.append(c, [act(3, "🎉", at=2.0, added=False), act(2, "🎉", UMA, at=9.0)], 0)
        labels.add(c, "Party", "", "🎉", 0, party)
        assert derived_labels(c) == by_hand(c)
        assert len(set(by_hand(c).values())) > 2


def derived_labels(c: Connection) -> dict[str, Derived]:
    return {row.ref: Derived(row.label, row.votes, row.disputed) for row in c.execute(select(message_labels))}


def by_hand(c: Connection) -> dict[str, Derived]:
    living = living_labels(c)
    return {ref: derive(resolve(rows, living)) for ref, rows in ledger_of(c, derived_labels(c)).items()}


def test_merging_moves_votes_for_good(db: Database) -> None:
    stored(db, 1, 2, 3)
    with db.write() as c:
        bug, fault, error = (
            labels.add(c, name, "", emoji, 0) for name, emoji in [("Bug", ""), ("Fault", "🐛"), ("Error", "")]
        )
        ledger.append(c, [choose(1, bug.id), act(2, "🐛"), choose(3, error.id)], 0)
        labels.merge(c, fault, bug)
        assert labels.by_emoji(c, "🐛") == replace(bug, emoji="🐛")
        labels.merge(c, bug, error)
        assert [label.name for label in labels.living(c)] == ["Error"]
        assert training_set.counts(c) == {error.id: 3}
        ledger.append(c, [choose(1, fault.id, EVE)], 0)
        assert training_set.counts(c) == {error.id: 3}
        labels.remove(c, error, 0)
        assert training_set.counts(c) == {}


def test_removing_a_label_lets_others_decide(db: Database) -> None:
    stored(db, 1)
    with db.write() as c:
        bug, idea = labels.add(c, "Bug", "", None, 0), labels.add(c, "Idea", "", None, 0)
        ledger.append(c, [choose(1, bug.id), choose(1, bug.id, EVE), choose(1, idea.id, UMA)], 0)
        labels.remove(c, bug, 0)
        assert training_set.counts(c) == {idea.id: 1}
        again = labels.add(c, "bug", "", None, 0)
        assert again.id not in (bug.id, idea.id)
        assert training_set.counts(c) == {idea.id: 1}


def test_a_name_is_found_whatever_its_case_and_spaces(db: Database) -> None:
    with db.write() as c:
        label = labels.add(c, "  Straße   NACH\nRom ", "where to", "🛣️", 0)
        assert label.name == "Straße NACH Rom"
        assert labels.find(c, "STRASSE nach rom") == label
        assert labels.rename(c, label, "strasse nach rom").name == "strasse nach rom"


@pytest.mark.parametrize(
    ("name", "emoji", "sentence"),
    [
        ("bUG", None, "already a label “Bug”"),
        ("Other", "🐛", "🐛 already stands for “Bug”"),
        ("x" * 81, None, "at most 80 characters, this one has 81"),
        (" \n ", None, "needs a name"),
        ("a\x07b", None, "control characters"),
        ("a\u202eb", None, "control characters"),
    ],
)
def test_a_label_that_cannot_be_says_why(db: Database, name: str, emoji: str | None, sentence: str) -> None:
    with db.write() as c:
        labels.add(c, "Bug", "", "🐛", 0)
        with pytest.raises(LabelError, match=sentence):
            labels.add(c, name, "", emoji, 0)
        other = labels.add(c, "x" * 80, "", "", 0)
        with pytest.raises(LabelError):
            labels.rename(c, other, name) if emoji is None else labels.set_emoji(c, other, emoji, 0)


def test_what_is_gone_cannot_be_changed(db: Database) -> None:
    with db.write() as c:
        bug, idea = labels.add(c, "Bug", "", None, 0), labels.add(c, "Idea", "", None, 0)
        labels.remove(c, bug, 0)
        for change in (
            lambda: labels.rename(c, bug, "New"),
            lambda: labels.set_emoji(c, bug, "🐛", 0),
            lambda: labels.merge(c, idea, bug),
            lambda: labels.remove(c, bug, 0),
        ):
            with pytest.raises(LabelError, match="removed or merged meanwhile"):
                change()
        with pytest.raises(LabelError, match="one and the same"):
            labels.merge(c, idea, idea)
        assert training_set.labelled(c) == []
