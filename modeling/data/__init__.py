"""Labelled and unlabelled messages: read, cleaned, deduplicated and divided.

`formats` reads and writes rows of CSV, JSON lines, Parquet and `datasets` folders; `examples` makes labelled messages
of them, `unlabelled` a pool without labels, `train_test` both sides of a training run. `split` holds messages out by
their hash, `folds` makes the folds of cross-validation, `near_duplicates` finds messages in nearly the same words.

Imports the top of modeling and text, and no torch.
"""

__all__ = ["examples", "folds", "formats", "near_duplicates", "split", "train_test", "unlabelled"]  # pyright: ignore[reportUnsupportedDunderAll]
