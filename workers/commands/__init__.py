"""What people type and press: each verb reads and decides, and returns its replies or the plan of a short write.

`dispatch` has the table of verbs and says who may; `context` is what a verb gets and returns. The verbs stand by
what they are about: `chat` (with stats, export and forget), `labels` (what may be a name is in `label_names`), `ask`
(what it asks about is chosen in `active_learning`), `jobs`, `models`. May be imported by `handlers` and what is above
it.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = ["active_learning", "ask", "chat", "context", "dispatch", "jobs", "label_names", "labels", "models"]
