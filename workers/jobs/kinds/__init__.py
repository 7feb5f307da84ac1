"""What each kind of job is given, which programs it runs, and what comes of it; the table of kinds is in `runner`.

`context` has what the kinds share.
"""

__all__ = ["context", "evaluate", "pretrain", "train_and_distill", "tune"]  # pyright: ignore[reportUnsupportedDunderAll]
