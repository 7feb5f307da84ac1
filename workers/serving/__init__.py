"""The model at work, in the `classify` worker: it predicts, refits its head after every label, and explains.

`model_server` claims nothing itself: it gets a claimed batch, and puts a new `served_model` in place when labels or
versions change. `head_fitting` makes heads, `decisions` turns probabilities into what is shown, `predictions` writes a
batch into the store; `explain` answers `explain`. Imports modeling and the rooms below; only
`workers.tasks` imports it.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "decisions",
    "explain",
    "head_fitting",
    "labelled_vectors",
    "model_server",
    "predictions",
    "saved_head",
    "served_model",
]
