"""Continued pretraining: a backbone goes on learning from messages that nobody labelled.

`run` is the whole run; `objectives` are masked and causal language models and TSDAE; `plan` says how many steps there
are and measures the held-out loss; `loop` trains; `probe` measures what was gained under a frozen head.

For the command line.
"""

# pyright: reportUnsupportedDunderAll=false
__all__ = ["loop", "objectives", "plan", "probe", "run"]
