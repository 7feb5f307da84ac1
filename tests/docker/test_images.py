"""The Dockerfiles, without an engine: linted, pinned, not root, and made of files that are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "bot": {"postgres"},
    "worker": {"worker", "postgres", "local"},
    "worker-cuda": {"worker", "gpu", "postgres", "local"},
}

each = pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """(INSTRUCTION, its arguments), one for each, on one line."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in text.splitlines() if line.strip())]


def values(dockerfile: Path, name: str) -> list[str]:
    return [rest.strip() for instruction, rest in instructions(dockerfile) if instruction == name]


def test_there_are_three_images() -> None:
    assert {path.stem for path in DOCKERFILES} == set(EXTRAS)


@each
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, "--failure-threshold", "style", dockerfile], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_hadolint_would_say_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python\nRUN pip install celery\n")
    done = subprocess.run([Path(sys.executable).parent / "hadolint", bad], capture_output=True, text=True)
    assert done.returncode != 0
    assert {"DL3006", "DL3013"} <= set(re.findall(r"DL\d+", done.stdout))


@each
def test_the_base_is_pinned_by_version_and_digest_and_is_the_same_everywhere(dockerfile: Path) -> None:
    bases = {base.removesuffix(" AS build") for base in values(dockerfile, "FROM")}
    assert len(bases) == 1
    (base,) = bases
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+@sha256:[0-9a-f]{64}", base)
    assert bases == {one.removesuffix(" AS build") for one in values(DOCKERFILES[0], "FROM")}


@each
def test_it_runs_as_nobody_special_with_a_health_check_and_our_command(dockerfile: Path) -> None:
    assert values(dockerfile, "USER") == ["10001:10001"]
    after = [name for name, _ in instructions(dockerfile)]
    assert not {"RUN", "COPY", "ADD"} & set(after[after.index("USER") :])
    (check,) = values(dockerfile, "HEALTHCHECK")
    assert 'CMD ["backchannel", "health"' in check
    assert values(dockerfile, "ENTRYPOINT") == ['["backchannel"]']
    assert "BACKCHANNEL_DATA_DIR=/data" in " ".join(values(dockerfile, "ENV"))


@each
def test_every_installation_follows_the_constraints(dockerfile: Path) -> None:
    runs = [part for run in values(dockerfile, "RUN") for part in run.split("&&")]
    installs = [part for part in runs if " install " in part and " pip " in part]
    assert len(installs) == 3
    for install in installs:
        assert "--constraint constraints.txt" in install or "--no-deps" in install, install
    assert not [part for part in runs if re.search(r"\b(curl|wget|git|apt-get)\b", part)]


@each
def test_what_is_copied_is_there_and_reaches_the_builder(dockerfile: Path) -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {word for rest in values(dockerfile, "COPY") if "--from" not in rest for word in shlex.split(rest)[:-1]}
    assert copied <= kept
    assert all((ROOT / name).exists() for name in kept)
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


@each
def test_requirements_are_the_projects_own(dockerfile: Path) -> None:
    (run,) = [run for run in values(dockerfile, "RUN") if "requirements.py" in run]
    extras = shlex.split(run.partition(">")[0])[2:]
    assert set(extras) == EXTRAS[dockerfile.stem]
    command = [sys.executable, "docker/requirements.py", *extras]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = [one for extra in extras for one in PROJECT["optional-dependencies"][extra]]
    assert printed == PROJECT["dependencies"] + wanted
    assert ("torch" in " ".join(printed)) is (dockerfile.stem != "bot")


def test_only_the_cpu_image_asks_for_torch_without_cuda() -> None:
    for dockerfile in DOCKERFILES:
        cpu = values(dockerfile, "ARG") == ["TORCH_INDEX=https://download.pytorch.org/whl/cpu"]
        assert cpu is (dockerfile.stem == "worker")
        assert ("TORCH_INDEX" in " ".join(values(dockerfile, "RUN"))) is cpu


def test_what_the_bots_bytecode_is_made_for_exists() -> None:
    """Every driver named in `bytecode.py` is a module of the base installation or of the extra postgres."""
    code = "import sys; sys.argv = ['bytecode']; exec(open('docker/bytecode.py').read()); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
