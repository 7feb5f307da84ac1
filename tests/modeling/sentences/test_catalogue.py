"""Every sentence of modeling in both languages, and the codes that the source names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter

import modeling
from modeling.errors import ModelingError
from modeling.sentences.catalogue import CATALOGUE, Sentence, StoredSentence, parameters, say, sentence
from modeling.training.recipe import Method

CHINESE = re.compile(r"[\u4e00-\u9fff]")
SAME_IN_BOTH = {"verbatim", "method_lora", "method_qlora"}
NUMBERS = re.compile(r"\{(\w+):(?:[^}]*[.,x][^}]*|g)\}")
LISTS = re.compile(r"\{(\w+):(?:and|or|nor)\}")


def example(code: str) -> dict[str, object]:
    """Parameters that fit the templates: numbers where one is formatted as a number, words elsewhere."""
    both = "".join(CATALOGUE[code])
    numbers, lists = set(NUMBERS.findall(both)), set(LISTS.findall(both))
    sizes = set(re.findall(r"\{(\w+):bytes\}", both))
    return {
        name: 12 if name in numbers | sizes else ("one", "two") if name in lists else f"some {name}"
        for name in parameters(both)
    }


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_sentence_reads_well_in_both_languages(code: str) -> None:
    english, chinese = CATALOGUE[code]
    assert parameters(english) == parameters(chinese)
    made = say("en", code, **example(code)), say("zh", code, **example(code))  # type: ignore[arg-type]
    assert all(made)
    assert not any("{" in text or "}" in text for text in made)
    assert not CHINESE.search(made[0])
    assert CHINESE.search(made[1]) or code in SAME_IN_BOTH
    assert english[-1] in ".}" or english[0].islower() or code.startswith("method_"), "a sentence, or a part of one"
    assert (english[-1] == ".") == (chinese[-1] == "。")


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call that makes a sentence or an error, with the file that it stands in."""
    for path in sorted(Path(modeling.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = ("ModelingError", "sentence", "say")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names and node.args:
                yield path.name, node


def literals() -> set[str]:
    """Every string in the source of modeling, but for the catalogue itself."""
    folder = Path(modeling.__file__).parent
    paths = (path for path in folder.rglob("*.py") if path.parent != folder / "sentences")
    trees = (ast.parse(path.read_text("utf-8")) for path in paths)
    return {node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value}  # type: ignore[misc]


def test_every_code_in_the_source_is_in_the_catalogue_with_its_parameters() -> None:
    named = 0
    for file, call in calls():
        code = call.args[0]
        if not isinstance(code, ast.Constant):
            continue
        named += 1
        assert code.value in CATALOGUE, f"{file}:{call.lineno}"
        given = {keyword.arg for keyword in call.keywords}
        if None not in given:  # else some come from a dictionary
            assert given == parameters(CATALOGUE[code.value][0]), f"{file}:{call.lineno}"  # type: ignore[index]
    assert named > 100


def test_every_code_of_the_catalogue_is_used() -> None:
    built = {f"method_{method}" for method in Method.__args__}  # type: ignore[attr-defined]
    assert set(CATALOGUE) - literals() - built == {"verbatim"}


def test_a_sentence_crosses_the_boundary_as_json_and_reads_the_same() -> None:
    made = sentence(
        "column_missing", path=Path("a.csv"), missing=["x"], where=sentence("where_line", line=3), columns=("x", "y")
    )
    assert made.text == "a.csv has no column x: line 3 must name the columns x and y."
    assert made.render("zh") == "a.csv 没有 x 列：第 3 行必须写明 x 和 y 列。"
    assert Sentence.model_validate_json(made.model_dump_json()) == made


def test_what_another_version_of_the_program_said_keeps_its_text() -> None:
    reader: TypeAdapter[Sentence] = TypeAdapter(StoredSentence)
    assert reader.validate_python("As it was.").render("zh") == "As it was."
    newer = {"code": "of_tomorrow", "params": {"more": 1}, "text": "Tomorrow."}
    assert reader.validate_python(newer).render("zh") == "Tomorrow."
    assert reader.validate_python({"code": "not_utf8", "params": {}, "text": "No path."}).render("zh") == "No path."


def test_a_mistake_in_a_code_or_a_parameter_is_seen_where_it_is_made() -> None:
    with pytest.raises(KeyError):
        ModelingError("no_such_code")
    with pytest.raises(KeyError):
        sentence("not_utf8")


def test_an_error_says_its_sentence_in_english() -> None:
    error = ModelingError("not_utf8", path=Path("a.csv"))
    assert str(error) == error.message == "a.csv is not UTF-8: save it as UTF-8."
    assert error.sentence.render("zh") == "a.csv 不是 UTF-8 编码：请另存为 UTF-8。"
    assert say("en", "backbone_gated", name="x" * 500).count("x") < 130
