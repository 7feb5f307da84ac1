"""GitHub's files: they follow its schemas, and the workflow runs `.ci/run` on every Python that we support."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
FORMS = GITHUB / "ISSUE_TEMPLATE"
CI = GITHUB / "workflows" / "ci.yml"
SCHEMAS = {
    CI: ["vendor.github-workflows", "custom.github-workflows-require-timeout"],
    FORMS / "bug.yml": ["vendor.github-issue-forms"],
    FORMS / "idea.yml": ["vendor.github-issue-forms"],
    FORMS / "config.yml": ["vendor.github-issue-config"],
}


@pytest.mark.parametrize("file", SCHEMAS, ids=lambda path: path.name)
def test_it_follows_githubs_schema(file: Path) -> None:
    for schema in SCHEMAS[file]:
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, file]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_no_file_of_githubs_is_left_unchecked() -> None:
    assert set(GITHUB.rglob("*.yml")) | set(GITHUB.rglob("*.yaml")) == set(SCHEMAS)


def test_the_workflow_runs_what_everybody_runs_on_every_python_and_may_only_read() -> None:
    workflow: dict[str, Any] = YAML(typ="safe").load(CI.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    ours = [f"3.{minor}" for minor in range(30) if SpecifierSet(project["requires-python"]).contains(f"3.{minor}")]
    assert job["strategy"]["matrix"]["python"] == ours
