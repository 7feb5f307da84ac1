"""Why a message got its label.

`explain` gathers label, runner-up, neighbours and words; `attribution` finds the words, in the
message and in what the backbone reads, and says what each adds to the score.

Imports the classifier and what is below it; `attribution` needs torch and captum.
"""

__all__ = ["attribution", "explain"]  # pyright: ignore[reportUnsupportedDunderAll]
