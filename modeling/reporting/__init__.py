"""Results as people and programs see them: JSON events, tables, plots.

`evaluation_report` and `explanation_report` make JSON and text for a terminal; `evaluation_plot`, `explanation_plot`
and `loss_plot` make PNG pictures that are readable on a phone; `fonts` finds fonts for texts in any script, and
`drawing` goes on without a picture where one cannot be drawn.

Imports evaluation and explanation and what is below them; matplotlib is imported where a picture is drawn.
"""

# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "drawing",
    "evaluation_plot",
    "evaluation_report",
    "explanation_plot",
    "explanation_report",
    "fonts",
    "loss_plot",
]
