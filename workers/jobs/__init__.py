"""Long pieces of work: a job is claimed, its programs run, its progress is shown, and its outcome is written.

`automatic_retraining` queues a training that nobody asked for; `runner` takes one job from its lease to its end;
`datasets` writes what it learns from; `modeling_process` runs `python -m modeling`; `progress` keeps the lease and
edits the progress message; `outcome_text` has what people read at the end; `kinds` has one file for each kind of job.
Only `workers.tasks` starts jobs; commands may use `outcome_text` and `automatic_retraining`.
"""

# pyright: reportUnsupportedDunderAll=false
__all__ = [
    "automatic_retraining",
    "datasets",
    "errors",
    "kinds",
    "modeling_process",
    "outcome_text",
    "progress",
    "runner",
]
