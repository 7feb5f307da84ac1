"""How good predictions are, and how sure that is.

`metrics` has point figures, `bootstrap` intervals and paired differences, `curves` reliability, coverage and the
out-of-scope figures, `significance` the comparison of two models, `promotion_gate` the decision whether a candidate
takes over. `evaluate` measures a bundle in all these ways, `throughput` its speed and size.

Imports the classifier and what is below it. The functions work on arrays, so training and distillation use them too.
"""

__all__ = ["bootstrap", "curves", "evaluate", "metrics", "promotion_gate", "significance", "throughput"]  # pyright: ignore[reportUnsupportedDunderAll]
