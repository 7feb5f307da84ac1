"""Of the SDK's hundreds of models only those that we use are built."""

from __future__ import annotations

import json
import subprocess
import sys

COUNT = """
import importlib, json, pkgutil
import bot.platforms.telegram as ours
for file in pkgutil.iter_modules(ours.__path__, ours.__name__ + "."):
    importlib.import_module(file.name)
from aiogram import types
from pydantic import BaseModel
models = [model for model in vars(types).values() if isinstance(model, type) and issubclass(model, BaseModel)]
print(json.dumps([len(models), sum(model.__pydantic_complete__ for model in models)]))
"""

FIRST_USE = """
import bot.platforms.telegram
from aiogram.types import Chat, Message, Update
message = {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "group"}}
assert Update.model_validate({"update_id": 1, "message": message}).message.chat.type == "group"
assert not Message.__pydantic_complete__
assert Message(message_id=1, date=0, chat=Chat(id=1, type="group")).chat.id == 1
print("good")
"""

IMPORTED_BEFORE = """
import aiogram, bot.platforms.telegram
from aiogram.types import Message
assert Message.__pydantic_complete__
print("good")
"""


def printed(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_most_models_are_never_built() -> None:
    models, built = json.loads(printed(COUNT))
    assert models > 300
    assert built < 20


def test_a_model_that_is_not_built_is_built_when_it_is_used() -> None:
    assert printed(FIRST_USE) == "good"


def test_an_sdk_that_was_imported_before_stays_as_it_is() -> None:
    assert printed(IMPORTED_BEFORE) == "good"
