"""The catalogue: every sentence renders in both languages, and code and catalogue name the same sentences."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from workers.core.errors import BackchannelError
from workers.core.i18n import SENTENCES, Bilingual, both, say, stage_name
from workers.core.i18n.jobs import KINDS, STAGES

ROOT = Path(__file__).parents[3]
CHINESE = re.compile("[\u4e00-\u9fff]")
SAME_IN_BOTH = {"label_line", "classify_line", "base_line_gain", "table_macro_f1", "table_megabytes"}
"""Figures, names and units alone."""


def parameters(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@pytest.mark.parametrize("code", SENTENCES)
def test_a_sentence_renders_in_both_languages_with_the_same_parameters(code: str) -> None:
    english, chinese = SENTENCES[code]
    assert parameters(english) == parameters(chinese)
    values = dict.fromkeys(parameters(english), "value")
    assert "{" not in say("en", code, **values) + say("zh", code, **values)
    assert not CHINESE.search(english)
    assert CHINESE.search(chinese) or code in SAME_IN_BOTH


@cache
def modules() -> list[ast.Module]:
    """What bot and workers say, without the catalogue itself."""
    paths = [path for room in ("bot", "workers") for path in (ROOT / room).rglob("*.py") if path.parent.name != "i18n"]
    return [ast.parse(path.read_text("utf-8")) for path in paths]


def pattern(text: ast.JoinedStr) -> str:
    """An f-string as a pattern: `f"mode_{wanted}"` becomes `mode_.+`."""
    return "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else ".+" for part in text.values)


def texts(node: ast.AST) -> Iterator[str]:
    """Patterns of all texts in an expression, f-strings as a whole and in their parts."""
    if isinstance(node, ast.JoinedStr):
        yield pattern(node)
        yield from (text for part in node.values if isinstance(part, ast.FormattedValue) for text in texts(part))
    elif isinstance(node, ast.Constant):
        yield from [re.escape(node.value)] if isinstance(node.value, str) else []
    else:
        yield from (text for child in ast.iter_child_nodes(node) for text in texts(child))


def calls() -> Iterator[tuple[ast.expr, ast.Call]]:
    """Code and call of all that makes a sentence: `say`, `both`, and the methods `say` and `text` of a `Call`."""
    for module in modules():
        names = {node.id for node in ast.walk(module) if isinstance(node, ast.Name)}
        imported = {node.module for node in module.body if isinstance(node, ast.ImportFrom)}
        if "workers.core.i18n" not in imported and "Call" not in names:
            continue
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else f".{node.func.attr}"
                index = {"say": 1, "both": 0, ".say": 0, ".text": 0}.get(name)
                if index is not None and len(node.args) > index:
                    yield node.args[index], node


def codes_of(expression: ast.expr) -> Iterator[str]:
    """Patterns of the codes that an expression may stand for; a variable's are not seen here."""
    if isinstance(expression, ast.IfExp):
        yield from codes_of(expression.body)
        yield from codes_of(expression.orelse)
    elif isinstance(expression, ast.JoinedStr):
        yield pattern(expression)
    elif isinstance(expression, ast.Constant):
        yield re.escape(str(expression.value))


def test_every_code_that_is_used_is_in_the_catalogue() -> None:
    used = {code for expression, _ in calls() for code in codes_of(expression)}
    assert len(used) > 50
    assert not {code for code in used if not any(re.fullmatch(code, name) for name in SENTENCES)}


def test_every_code_of_the_catalogue_is_used() -> None:
    used = {text for module in modules() for text in texts(module) if re.match(r"[a-z_]{2}", text)}
    assert not [code for code in SENTENCES if not any(re.fullmatch(text, code) for text in used)]


def test_every_parameter_is_given() -> None:
    for expression, call in calls():
        given = {keyword.arg for keyword in call.keywords}
        if isinstance(expression, ast.Constant) and None not in given:
            assert parameters(SENTENCES[str(expression.value)][0]) <= given, ast.unparse(call)


def test_an_error_reads_english_in_a_log_and_the_chats_language_in_a_chat() -> None:
    error = BackchannelError(both("version_unknown", version=9))
    assert str(error) == "There is no version “9”. Type `models` to see them."
    assert error.sentence.text("zh") == "没有版本 “9”。输入 `models` 查看全部版本。"
    assert BackchannelError("For shells alone.").sentence.text("zh") == "For shells alone."


def test_a_stored_sentence_is_read_in_both_languages_and_one_of_an_earlier_version_as_it_is() -> None:
    sentence = both("job_cancelled", job=3)
    assert Bilingual.read(sentence.model_dump_json()) == sentence
    assert Bilingual.read("Out of memory.") == Bilingual(en="Out of memory.", zh="Out of memory.")


def test_kinds_and_stages_have_names_in_both_languages() -> None:
    assert all(CHINESE.search(chinese) for _, chinese in KINDS.values())
    assert all(CHINESE.search(chinese) for chinese in STAGES.values())
    assert stage_name("zh", "cross-validation 2/5") == "交叉验证 2/5"
