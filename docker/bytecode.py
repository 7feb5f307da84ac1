"""Compiles what a bot process imports, and nothing else of what is installed: that halves the bytecode.

Without any bytecode a start would take seconds; the account that runs the bot can't write it later.
"""

import importlib
import pkgutil
import py_compile
import sys

import bot

DRIVERS = (
    "celery.apps.beat",
    "celery.backends.redis",
    "celery.bin.celery",
    "kombu.transport.redis",
    "logging.config",
    "psycopg",
    "sqlalchemy.dialects.postgresql.psycopg",
)
"""What is loaded by its name at run time only."""

for module in pkgutil.walk_packages(bot.__path__, "bot."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
for name in DRIVERS:
    importlib.import_module(name)
for module in list(sys.modules.values()):
    file = getattr(module, "__file__", None) or ""
    if file.startswith("/opt/") and file.endswith(".py"):
        # Unchecked: whatever copies the files may change their times.
        py_compile.compile(file, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
