"""Two processes train one backbone together, as `accelerate launch` starts them, over gloo."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from modeling.classifier import bundle as bundles
from tests.fakes import random_backbones

Files = tuple[Path, Path]
QUICK = "folds = 2\n[full]\nepochs = 1\nbatch = 4\ncheckpoint_seconds = 0\n"


def launch(*words: object) -> subprocess.CompletedProcess[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    more = ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", port]
    command = [*launcher, *more, "-m", "modeling", *words]
    alone = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=230, env=alone, check=False)


def test_two_processes_share_the_work_and_one_of_them_speaks(files: Files, tmp_path: Path) -> None:
    base, recipe, out = random_backbones.save("bert", tmp_path / "base"), tmp_path / "recipe.toml", tmp_path / "out"
    recipe.write_text(QUICK)
    order = ["train", files[0], "--test", files[1], "--out", out, "--backbone", base, "--recipe", recipe]
    ended = launch(*order, "--method", "full", "--progress", "json")
    assert ended.returncode == 0, ended.stderr[-2000:]
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["event"] for line in lines[:-1]] == ["progress"] * (len(lines) - 1)
    done = lines[-1]
    assert done["event"] == "done"
    assert done["tuning"]["processes"] == 2
    assert done["tuning"]["steps"] == 72 / (2 * 4)  # half of what one process would have taken
    meta = bundles.load(Path(done["bundle"])).meta
    assert meta["tuning"] == done["tuning"]
    assert not (out / "work").exists()
