"""The classifier on a backbone's vectors, and the bundle that both are saved as.

`head` fits and applies it: `logistic_regression` is the solver, `calibration` chooses C, temperature and thresholds out
of fold, `out_of_scope` scores messages of no label. `bundle` saves and loads backbone and head together,
`bundle_files` seals and verifies their files without loading them.

Imports inference, data and backbones, and what is below them. Everything but `bundle` is free of torch.
"""

__all__ = ["bundle", "bundle_files", "calibration", "head", "logistic_regression", "out_of_scope"]  # pyright: ignore[reportUnsupportedDunderAll]
