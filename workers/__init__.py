"""Decides: what waits in the inbox becomes predictions, labels, answers and jobs, and replies in the outbox.

`tasks` are what Celery runs; `heartbeat` shows that a process lives. Each room imports only those before it: `core` has
the words that all share, `queue` the broker, `store` the database; then come `jobs`, `commands`, `handlers`, `serving`.
A bot imports `core`, `queue` and `store`.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["commands", "core", "handlers", "heartbeat", "jobs", "queue", "serving", "store", "tasks"]
