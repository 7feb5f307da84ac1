"""From what people type to what a backbone reads.

`cleaning` cleans and hashes a message and decides whether it is held out. `scripts` has the letters of every script and
says which of them a tokeniser reads; `script_reading` is the help with the others: Chinese becomes English words
(`chinese_dictionary`), the rest gets a vector of its letters (`letter_ngrams`). `names` says which labels look
the same.

Imports only the top of modeling, and no torch: the workers and the data room use it too.
"""

__all__ = ["chinese_dictionary", "cleaning", "letter_ngrams", "names", "script_reading", "scripts"]  # pyright: ignore[reportUnsupportedDunderAll]
