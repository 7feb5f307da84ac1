"""The compose files, without an engine: the schema, secrets, ports, users, health checks, and settings that exist."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bot.doctor.health import BEATING, BOTS
from bot.settings import BotSettings
from workers.core.settings import Settings

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / "docker").glob("compose*.yaml"))
OURS = "backchannel-"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
each = pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)


def services(name: str) -> dict[str, Any]:
    return YAML(typ="safe").load((ROOT / "docker" / name).read_text())["services"]


def known() -> set[str]:
    return set(re.findall(r"^#?(BACKCHANNEL_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


FULL, SMALL = services("compose.yaml"), services("compose.small.yaml")
BOTH = [*FULL.items(), *SMALL.items()]
service = pytest.mark.parametrize(("name", "service"), BOTH, ids=[name for name, _ in BOTH])


@each
def test_it_follows_the_compose_schema(file: Path) -> None:
    command = [Path(sys.executable).parent / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", [*FILES, *(ROOT / "docker").glob("*.Dockerfile")], ids=lambda path: path.name)
def test_every_setting_in_it_is_one_of_env_example(file: Path) -> None:
    used = set(re.findall(r"\bBACKCHANNEL_\w+", file.read_text()))
    assert used <= known()
    assert used or file.name == "compose.gpu.yaml"


def test_there_is_no_setting_that_a_container_cannot_be_given() -> None:
    """All of .env.example, but for what the compose files decide themselves."""
    decided = {"DATA_DIR", "WEB__PORT", "SLACK__PORT", "TELEGRAM__PORT"}
    for name, chosen in (("compose.yaml", set()), ("compose.small.yaml", {"DATABASE__URL", "BROKER__URL"})):
        used = set(re.findall(r"\bBACKCHANNEL_\w+", (ROOT / "docker" / name).read_text()))
        assert known() - used == {f"BACKCHANNEL_{one}" for one in decided | chosen}


@service
def test_every_service_comes_back_and_is_looked_after(name: str, service: dict[str, Any]) -> None:
    check = service["healthcheck"]
    if name == "migrate":
        assert (service["restart"], check) == ("on-failure", {"disable": True})
        return
    assert service["restart"] == "unless-stopped"
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)


@service
def test_nothing_runs_as_root_or_may_become_root(name: str, service: dict[str, Any]) -> None:
    if service["image"].startswith(OURS):
        assert "user" not in service, "the image says who: test_images.py looks there"
        assert service["read_only"] is True
        assert service["init"] is True
    else:
        assert service["user"] in ("postgres", "valkey")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid", "devices"} & set(service)


@service
def test_images_are_exact(name: str, service: dict[str, Any]) -> None:
    if service["image"].startswith(OURS):
        built = re.fullmatch(r"docker/([a-z-]+)\.Dockerfile", service["build"]["dockerfile"])
        assert built
        assert service["image"] == f"{OURS}{built[1]}:{VERSION}"
        assert (ROOT / service["build"]["dockerfile"]).exists()
        assert (ROOT / "docker" / service["build"]["context"]).resolve() == ROOT
    else:
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?-[a-z]+@sha256:[0-9a-f]{64}", service["image"])


@service
def test_published_ports_are_for_a_proxy_on_this_machine_only(name: str, service: dict[str, Any]) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:809[012]:809[012]", port) for port in service.get("ports", []))
    assert "ports" in service or not name.startswith("bot-")
    if name in ("postgres", "valkey"):
        assert "ports" not in service
        assert service["networks"] == ["inside"]


def test_what_has_the_data_is_on_a_network_without_a_way_out() -> None:
    assert YAML(typ="safe").load((ROOT / "docker/compose.yaml").read_text())["networks"]["inside"] == {"internal": True}


def test_secrets_come_from_the_env_file_and_reach_only_who_needs_them() -> None:
    tokens = re.compile(r"BACKCHANNEL_(SLACK|TELEGRAM|WEB)__(?!HOST|ENABLED)")
    for name, one in FULL.items():
        platforms = {found[1] for key in one["environment"] if (found := tokens.match(key))}
        assert platforms == ({name.removeprefix("bot-").upper()} if name.startswith("bot-") else set())
    for name, one in BOTH:
        for key, value in one["environment"].items():
            if re.search(r"TOKEN|SECRET|PASSWORD|URL$", key) and not key.endswith(("API_URL", "PUBLIC_URL")):
                assert re.search(r"\$\{[A-Z_]+(:-|:\?)", value), (name, key)
    assert "VALKEY_PASSWORD" not in FULL["worker-labels"]["environment"]


def test_valkey_keeps_its_data_and_asks_for_the_password() -> None:
    script = FULL["valkey"]["command"][2]
    assert "--appendonly yes" in script
    assert 'requirepass "$$VALKEY_PASSWORD"' in script.splitlines()[1]
    assert FULL["valkey"]["volumes"] == ["valkey:/data"]


def test_each_process_of_ours_has_a_service_that_asks_after_that_process() -> None:
    assert set(FULL) == {*BOTS, *BEATING, "migrate", "postgres", "valkey"}
    for name in (*BOTS, *BEATING):
        assert FULL[name]["command"] == name.split("-")
        test = FULL[name]["healthcheck"]["test"]
        assert (test[:3], test[-1]) == (["CMD", "backchannel", "health"], name)
        assert ("--here" in test) is (name in BEATING)
    assert FULL["migrate"]["command"] == ["migrate"]
    assert SMALL["backchannel"]["command"] == ["up"]


def test_nothing_of_ours_starts_before_the_tables_are_there() -> None:
    for name in (*BOTS, *BEATING):
        assert FULL[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert {"postgres", "valkey"} <= set(FULL[name]["depends_on"])
    assert FULL["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_workers_share_the_folder_of_the_model_versions() -> None:
    for name in BEATING:
        if name != "beat":
            assert FULL[name]["volumes"] == ["models:/data"]
    assert SMALL["backchannel"]["volumes"] == ["data:/data"]


def test_the_settings_that_a_service_is_given_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an empty .env, what is optional stands for its default and the bots say themselves what they lack."""
    for _, one in BOTH:
        with monkeypatch.context() as patch:
            for key, value in one["environment"].items():
                patch.setenv(key, re.sub(r"\$\{\w+:-(.*?)\}", r"\1", re.sub(r"\$\{\w+:\?.*?\}", "x1", value)))
            Settings()
            if one is not FULL["bot-web"]:
                BotSettings()


def test_the_gpu_file_changes_only_the_training() -> None:
    gpu = services("compose.gpu.yaml")
    assert set(gpu) == {"worker-training"}
    assert gpu["worker-training"]["image"] == f"{OURS}worker-cuda:{VERSION}"
    assert gpu["worker-training"]["build"]["dockerfile"] == "docker/worker-cuda.Dockerfile"
