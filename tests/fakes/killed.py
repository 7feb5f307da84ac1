"""A command that is killed at one and the same point every time: by itself, with SIGKILL, in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

PROGRAM = """
import os, signal
from pathlib import Path
from modeling.cli.app import app
from modeling.training.checkpoints import SaveByClock

saved = SaveByClock.on_save

def on_save(self, args, state, control, **more):
    saved(self, args, state, control, **more)
    if {condition}:
        os.kill(os.getpid(), signal.SIGKILL)

SaveByClock.on_save = on_save
{before}
app()
"""


def killed_after_checkpoint(words: list[str], condition: str, before: str = "") -> None:
    """Run `python -m modeling` with these words, and kill it after the first whole checkpoint for which `condition` is
    true: Python with Trainer's `args` and `state`. `before` is a line of Python that is run first.
    """
    program = PROGRAM.format(condition=condition, before=before)
    ended = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stdout[-2000:] + ended.stderr[-2000:]
