"""Distillation: a small student learns from what a teacher, one bundle or several, says of unlabelled texts.

`run` is the whole run; `config` is what was asked for and how each kind of student learns; `dataset` are the texts;
`teacher` gives their probabilities and vectors; `loop` trains the student; `student_head` chooses its head;
`comparison` measures it beside its teacher.

For the command line.
"""

# pyright: reportUnsupportedDunderAll=false
__all__ = ["comparison", "config", "dataset", "loop", "run", "student_head", "teacher"]
