"""Why a message got its label.

`explain` gathers label, runner-up, neighbours and words; `attribution` says what each word adds to the score,
`word_spans` where the words stand in the message and in what the backbone reads.

Imports the classifier and what is below it; `attribution` needs torch and captum.
"""

__all__ = ["attribution", "explain", "word_spans"]  # pyright: ignore[reportUnsupportedDunderAll]
