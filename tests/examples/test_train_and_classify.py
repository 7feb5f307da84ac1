"""The example that trains from Python runs as a newcomer runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_it_trains_and_says_what_each_new_message_is(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "train_and_classify.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, encoding="utf-8", check=True)
    answers = [line for line in done.stdout.splitlines() if not line.startswith("{")]
    assert [line.split()[0] for line in answers] == ["bug", "question", "thanks"]
    assert list(tmp_path.iterdir()) == []
