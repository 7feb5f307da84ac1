"""Every file, link and name in our own code that the documents mention exists, and the map leaves no room out."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "workers", "modeling")
FOLDERS = (*PACKAGES, "tests", "docs", "docker", "examples", ".github", ".ci")
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "tests/benchmarks/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s#]+)(#[^)\s]*)?\)")
PATH = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*(?::[\w.]+)?")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def names_in(path: Path) -> set[str]:
    """What a Python file defines: functions, classes, variables, and `Class.member` of each class."""
    return set(_names(ast.parse(path.read_text("utf-8")).body, ""))


def _names(body: list[ast.stmt], prefix: str) -> list[str]:
    names: list[str] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(prefix + node.name)
        if isinstance(node, ast.ClassDef):
            names += _names(node.body, f"{prefix}{node.name}.")
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        for target in targets:
            elements = target.elts if isinstance(target, ast.Tuple) else [target]
            names += [prefix + element.id for element in elements if isinstance(element, ast.Name)]
    return names


def path_exists(mention: str) -> bool:
    """Whether `folder/file`, `folder/*.py` or `folder/file.py:Name.member` is there."""
    path, _, name = mention.partition(":")
    matches = list(ROOT.glob(path.rstrip("/")))
    return bool(matches) and (not name or all(name in names_in(match) for match in matches))


def dotted_exists(mention: str) -> bool:
    """Whether a dotted name is a package, a module, or a name that a module defines."""
    parts = mention.split(".")
    for length in range(len(parts), 0, -1):
        base, rest = ROOT.joinpath(*parts[:length]), ".".join(parts[length:])
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return not rest or rest in names_in(file)
    return False


def text_of(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_in_a_document_exists(document: str) -> None:
    mentions = [code for code in CODE.findall(FENCE.sub("", text_of(document))) if PATH.fullmatch(code)]
    assert [mention for mention in mentions if not path_exists(mention)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_dotted_name_in_a_document_exists(document: str) -> None:
    mentions = [code for code in CODE.findall(text_of(document)) if DOTTED.fullmatch(code)]
    assert [mention for mention in mentions if not dotted_exists(mention)] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    links = [
        link for link, _ in LINK.findall(text_of(document)) if "://" not in link and not link.startswith("mailto:")
    ]
    here = (ROOT / document).parent
    assert [link for link in links if not (here / link).exists()] == []


def test_the_map_names_every_room() -> None:
    rooms = {
        init.parent.relative_to(ROOT).as_posix() for name in PACKAGES for init in ROOT.glob(f"{name}/**/__init__.py")
    }
    named = {code.rstrip("/") for code in CODE.findall(text_of("docs/architecture.md"))}
    assert sorted(rooms - named) == []


def test_names_that_are_not_there_would_be_noticed() -> None:
    assert path_exists("bot/intake.py:Intake.accept")
    assert not path_exists("bot/intake.py:Intake.refuse")
    assert not path_exists("bot/outtake.py")
    assert dotted_exists("modeling.errors.ModelingError")
    assert not dotted_exists("modeling.errors.NoError")
    assert not dotted_exists("modeling.nowhere")
