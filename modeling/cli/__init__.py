"""The command line, `python -m modeling`: one file for each command, named by its verb.

`app` puts them together, `console` has what they share. A command imports what it runs only when it is called, so that
`--help` and a wrong option need no torch. Nothing imports from here but `modeling.__main__` and tests.
"""

# pyright: reportUnsupportedDunderAll=false
__all__ = ["app", "check", "console", "data", "distill", "evaluate", "explain", "predict", "pretrain", "train", "tune"]
