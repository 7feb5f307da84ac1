"""Each room says what lives in it and names its modules."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = sorted(file for package in ("bot", "workers", "modeling") for file in (ROOT / package).rglob("__init__.py"))


def names(module: ast.Module) -> set[str]:
    """What the top of a module defines or imports."""
    defined: set[str] = set()
    for node in module.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            defined |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return defined


@pytest.mark.parametrize("file", ROOMS, ids=lambda file: str(file.parent.relative_to(ROOT)))
def test_a_room_says_what_lives_in_it_and_names_what_is_there(file: Path) -> None:
    module = ast.parse(file.read_text())
    assert ast.get_docstring(module)
    inside = {path.stem for path in file.parent.glob("*.py")} | {
        path.parent.name for path in file.parent.glob("*/__init__.py")
    }
    (public,) = [
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert public
    assert len(public) == len(set(public))
    assert set(public) <= inside | names(module)
