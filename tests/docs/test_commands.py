"""Every command, option, verb and setting that the documents mention exists, and the README leaves no verb out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bot.cli import app as backchannel
from modeling.cli.app import app as modeling
from tests.docs.test_architecture import DOCUMENTS
from workers.core.command_table import VERBS

ROOT = Path(__file__).parents[2]
RUN = re.compile(r"(?<![/@\w.-])(?P<program>-m modeling|backchannel) (?P<verb>[a-z]+)\b(?P<rest>[^`\n|]*)")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
SETTING = re.compile(r"BACKCHANNEL_[A-Z_]+[A-Z]")
OTHERS = {
    "backchannel",
    "python",
    "rm",
    "there",
}  # `docker compose exec backchannel python`, "the bot is backchannel there"
APPS = {"-m modeling": modeling, "backchannel": backchannel}
COMMANDS: dict[str, Any] = {program: getattr(get_command(app), "commands", {}) for program, app in APPS.items()}


def wrong_in(document: str) -> list[str]:
    """What a document says about a command line that is not so."""
    wrong: list[str] = []
    text = (ROOT / document).read_text("utf-8").replace("\\\n", " ")
    for match in RUN.finditer(text):
        verb = match["verb"]
        if verb in OTHERS:
            continue
        commands = COMMANDS[match["program"]]
        if verb not in commands:
            wrong.append(match[0])
            continue
        options = {option for parameter in commands[verb].params for option in parameter.opts} | {"--help"}
        wrong += [f"{match[0]}: {option}" for option in OPTION.findall(match["rest"]) if option not in options]
    return wrong


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_and_option_in_a_document_exists(document: str) -> None:
    assert wrong_in(document) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_setting_in_a_document_exists(document: str) -> None:
    known = set(SETTING.findall((ROOT / ".env.example").read_text("utf-8")))
    mentioned = set(SETTING.findall((ROOT / document).read_text("utf-8")))
    assert {name for name in mentioned - known if not any(other.startswith(f"{name}__") for other in known)} == set()


def test_the_readme_has_every_verb_and_no_other() -> None:
    section = (ROOT / "README.md").read_text("utf-8").partition("## What can be typed")[2].partition("\n## ")[0]
    rows = [row.split(" | ")[0] for row in section.splitlines() if row.startswith("| `")]
    named = {code.split()[0] for row in rows for code in re.findall(r"`([^`]+)`", row)}
    elsewhere = set(re.findall(r"`([a-z]+)`", section))
    verbs = {name.split()[0] for name in VERBS}
    assert named - verbs == set()
    assert verbs - named - elsewhere == set()
