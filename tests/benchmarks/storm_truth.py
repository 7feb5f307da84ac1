"""What people really did in a storm, and whether the store holds exactly that."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text as sql

from workers.core.events import ChatRef, MessageRef
from workers.store import ledger
from workers.store.database import Database

LABELS = {"bug": "🐞", "question": "❓", "idea": "💡"}
SENTENCES = (
    ("The board crashes when I drag a card", "bug"),
    ("How do I export my cards", "question"),
    ("It would be nice to have dark mode", "idea"),
    ("Search fails with an error", "bug"),
    ("Where can I change my password", "question"),
    ("Let us add a calendar view", "idea"),
)
PEOPLE = tuple(f"U{number}" for number in range(10, 18))


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody did, in the order in which it happened."""

    kind: str
    ref: MessageRef
    person: str
    text: str = ""
    emoji: str = ""
    added: bool = True


@dataclass
class Truth:
    """The events of a storm as they are made, and what they amount to.

    `people` are the platform's own ids; `deletes`: the platform tells that a message was deleted.
    """

    rng: random.Random
    people: tuple[str, ...] = PEOPLE
    emoji: Mapping[str, str] = field(default_factory=lambda: LABELS)
    deletes: bool = True
    texts: dict[str, str] = field(default_factory=dict)
    rows: Counter[tuple[str, str, str, bool]] = field(default_factory=Counter)
    votes: dict[str, dict[str, str]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def acts(self, number: int, chat: ChatRef, message_id: str) -> Iterator[Act]:
        """All that happens to one message."""
        sentence, label = SENTENCES[number % len(SENTENCES)]
        ref = MessageRef(**chat.model_dump(), message_id=message_id)
        yield self.say("message", ref, f"{sentence} #{number}")
        for person in self.rng.sample(self.people, self.rng.choice((1, 1, 2, 3))):
            yield from self.opinion(ref, person, label)
        if self.rng.random() < 0.1:
            yield self.say("edit", ref, f"{sentence} #{number} (edited)")
        if self.deletes and self.rng.random() < 0.02:
            self.deleted.add(ref.key)
            yield Act("delete", ref, self.people[0])

    def say(self, kind: str, ref: MessageRef, text: str) -> Act:
        self.texts[ref.key] = text
        return Act(kind, ref, self.people[0], text)

    def opinion(self, ref: MessageRef, person: str, label: str) -> Iterator[Act]:
        """Mostly the right label, at times another, at times withdrawn or changed."""
        chosen = label if self.rng.random() < 0.9 else self.rng.choice(list(self.emoji))
        yield self.react(ref, person, chosen, True)
        if self.rng.random() < 0.15:
            yield self.react(ref, person, chosen, False)
            if self.rng.random() < 0.5:
                yield self.react(ref, person, self.rng.choice(list(self.emoji)), True)

    def react(self, ref: MessageRef, person: str, label: str, added: bool) -> Act:
        emoji, votes = self.emoji[label], self.votes.setdefault(ref.key, {})
        self.rows[ref.key, person, emoji, added] += 1
        if added:
            votes[person] = label
        elif votes.get(person) == label:
            del votes[person]
        return Act("react", ref, person, emoji=emoji, added=added)

    def label_of(self, ref: str) -> str | None:
        """Most votes win; a tie is disputed, so no label."""
        ranked = Counter(self.votes.get(ref, {}).values()).most_common(2)
        return None if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]) else ranked[0][0]

    def compare(self, database: Database) -> dict[str, list[str]]:
        """Lost, doubled and wrong: every ledger row, text and derived label."""
        with database.read() as c:
            rows = Counter((row.ref.key, row.annotator.id, row.emoji, row.added) for row in ledger.ledger(c))
            texts = dict(tuple(row) for row in c.execute(sql("select ref, text from messages")))
            query = "select d.ref, l.name from message_labels d left join labels l on l.id = d.label"
            labels = dict(tuple(row) for row in c.execute(sql(query)))
            failed = c.execute(sql("select count(*) from inbox where state = 'failed'")).scalar_one()
        lost = [f"ledger row {row}" for row in (self.rows - rows).elements()]
        doubled = [f"ledger row {row}" for row in (rows - self.rows).elements()]
        wrong = [f"{failed} events failed"] if failed else []
        for ref, text in self.texts.items():
            wanted = None if ref in self.deleted else text
            if ref not in texts:
                lost.append(f"message {ref}")
            elif texts[ref] != wanted:
                wrong.append(f"text of {ref}: {texts[ref]!r} instead of {wanted!r}")
            elif wanted is not None and labels.get(ref) != self.label_of(ref):
                wrong.append(f"label of {ref}: {labels.get(ref)} instead of {self.label_of(ref)}")
        return {"lost": lost, "doubled": doubled, "wrong": wrong}
