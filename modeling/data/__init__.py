"""Labelled and unlabelled messages: read, cleaned, deduplicated and divided.

`lines` reads text, `formats` rows: of `tables`, JSON (`json_rows`), Parquet and `datasets` folders. `exports`
knows the programs in which people label, `values` makes texts and labels of what stands there. `examples` makes
labelled messages of them, `unlabelled` a pool without labels, `train_test` both sides of a training run. `split` holds
messages out by their hash, `folds` makes the folds of cross-validation, `near_duplicates` finds messages in nearly the
same words, `sketches` are what is kept of messages to know them again.

Imports the top of modeling and text, and no torch.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "examples",
    "exports",
    "folds",
    "formats",
    "json_rows",
    "lines",
    "near_duplicates",
    "sketches",
    "split",
    "tables",
    "train_test",
    "unlabelled",
    "values",
]
