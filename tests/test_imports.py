"""What a bot process loads, looked at from inside such a process."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {"torch", "transformers", "sentence_transformers", "sklearn", "scipy", "peft", "accelerate"}

LOAD_ALL = """
import importlib, json, pkgutil, sys
import bot
for module in pkgutil.walk_packages(bot.__path__, "bot."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(json.dumps(sorted(name for name in sys.modules)))
"""


def modules_after(code: str) -> set[str]:
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(json.loads(output))


def test_no_bot_module_loads_torch_or_its_company() -> None:
    loaded = modules_after(LOAD_ALL)
    assert {"bot.cli", "bot.intake", "bot.delivery", "bot.supervisor.supervisor"} <= loaded
    assert not HEAVY & loaded
    assert not any(name.split(".")[0] == "modeling" for name in loaded)


def test_the_look_would_notice_torch() -> None:
    assert modules_after("import sys, json, sklearn; print(json.dumps(list(sys.modules)))") & HEAVY == {
        "sklearn",
        "scipy",
    }
