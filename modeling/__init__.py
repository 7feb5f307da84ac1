"""Text in, labels out. Nothing here knows of a chat, a queue or a database.

`text` cleans what people wrote, `data` reads files of messages, `backbones` turn texts into vectors, `inference` does
so without torch, and a `classifier` turns vectors into probabilities and is saved as a bundle. `active_learning`
chooses what to ask people about. `evaluation`, `explanation` and `reporting` say how good a bundle is and why;
`training`, `pretraining` and `distillation` make better ones; `cli` is `python -m modeling`. The modules beside the
rooms are for all of them; `sentences` holds what people read. `pyproject.toml` has the order of imports.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "active_learning",
    "atomic_files",
    "backbones",
    "classifier",
    "cli",
    "data",
    "distillation",
    "errors",
    "evaluation",
    "events",
    "explanation",
    "hashing",
    "inference",
    "pretraining",
    "progress",
    "reporting",
    "sentences",
    "text",
    "training",
    "types",
]
