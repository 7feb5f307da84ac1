"""Which messages people should be asked about: vectors in, rows out.

`strategies` chooses, by what is labelled so far; `coverage` finds messages that stand for many others, `uncertainty`
those on which a classifier wavers.

Imports classifier and what is below it, and no torch.
"""

__all__ = ["coverage", "strategies", "uncertainty"]  # pyright: ignore[reportUnsupportedDunderAll]
