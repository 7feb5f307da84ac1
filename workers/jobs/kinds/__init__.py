"""What each kind of job is given, which programs it runs, and what comes of it; the table of kinds is in `runner`.

`job_context` has what the kinds share.
"""

__all__ = ["evaluate", "job_context", "pretrain", "train_and_distill", "tune"]  # pyright: ignore[reportUnsupportedDunderAll]
