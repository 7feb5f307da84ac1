"""Results as people and programs see them: JSON events, tables, plots.

`evaluation_report` and `explanation_report` make JSON and text for a terminal; `evaluation_plot`, `explanation_plot`
and `loss_plot` make PNG pictures that are readable on a phone; `fonts` finds fonts for names in any script.

Imports evaluation and explanation and what is below them; matplotlib is imported where a picture is drawn.
"""

__all__ = ["evaluation_plot", "evaluation_report", "explanation_plot", "explanation_report", "fonts", "loss_plot"]  # pyright: ignore[reportUnsupportedDunderAll]
