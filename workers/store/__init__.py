"""What Backchannel remembers, in SQL: every function takes an open connection and never commits.

`Database.write()` and `Database.read()` in `database` are the edges at which a transaction begins and ends; it
brings the `tables` up to date, too; `sql` is what its two dialects spell differently.
A vote is appended in `ledger`, which also derives the labels of messages; `labels` is the set of labels. Events wait in
`inbox` and replies in `outbox`. `candidates` is what people may be asked about. `erasure` forgets a person, by the
`traces` that they left. `tallies` counts messages while they change, and `accuracy` follows how often predictions
were right; `overview` and `history` are what screens show. May import `core`; no library that learns.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "accuracy",
    "candidates",
    "chat_figures",
    "chat_migration",
    "chats",
    "counters",
    "database",
    "erasure",
    "head_fits",
    "heartbeats",
    "history",
    "inbox",
    "installations",
    "jobs",
    "labels",
    "leases",
    "ledger",
    "messages",
    "outbox",
    "overview",
    "predictions",
    "questions",
    "served_heads",
    "sql",
    "tables",
    "tallies",
    "traces",
    "training_set",
    "versions",
]
