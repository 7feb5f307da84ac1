"""Distillation: a small student learns from what a teacher, one bundle or several, says of unlabelled texts.

`run` is the whole run, with the choice of the student's head; `config` is what was asked for and how each kind of
student learns; `dataset` are the texts; `teacher` gives their probabilities and vectors; `loop` trains the student;
`comparison` measures it beside its teacher.

For the command line.
"""

# pyright: reportUnsupportedDunderAll=false
__all__ = ["comparison", "config", "dataset", "loop", "run", "teacher"]
