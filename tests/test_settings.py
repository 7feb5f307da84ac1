"""Settings: where they come from, what is said about wrong ones, and that secrets stay secret."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from bot.settings import BotSettings
from bot.settings import load as load_bot
from workers.core.errors import BackchannelError
from workers.core.settings import Settings, load

ROOT = Path(__file__).parent.parent
SECRET = "hunter2-very-secret"


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BACKCHANNEL_DATA_DIR")
    monkeypatch.delenv("BACKCHANNEL_RETRAIN_AUTO")


def defaults(values: BaseModel, prefix: str = "BACKCHANNEL_") -> dict[str, str]:
    found: dict[str, str] = {}
    for name in type(values).model_fields:
        value = getattr(values, name)
        if isinstance(value, BaseModel):
            found |= defaults(value, f"{prefix}{name.upper()}__")
        else:
            found[prefix + name.upper()] = written(value)
    return found


def written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Path):
        return value.name
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value or "")


def test_env_example_lists_every_setting_with_its_default_and_no_other() -> None:
    blocks = (ROOT / ".env.example").read_text().strip().split("\n\n")[1:]
    listed: dict[str, str] = {}
    for block in blocks:
        found = re.fullmatch(r"# (\S.*)\n#(BACKCHANNEL_[A-Z_]+)=(.*)", block)
        assert found, block
        listed[found[2]] = found[3]
    assert listed == defaults(load()) | defaults(load_bot())


def test_env_example_as_it_is_with_every_line_switched_on_changes_nothing(tmp_path: Path) -> None:
    before = load(), load_bot()
    text = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text(re.sub("^#BACK", "BACK", text, flags=re.MULTILINE))
    assert (load(), load_bot()) == before


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("BACKCHANNEL_BATCH_SIZE=8\nBACKCHANNEL_BACKBONE=from-file\n")
    monkeypatch.setenv("BACKCHANNEL_BATCH_SIZE", "16")
    assert (load().batch_size, load().backbone) == (16, "from-file")


def test_without_settings_everything_is_in_the_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().data_dir == tmp_path / "backchannel-data"
    assert load().embedded_broker
    monkeypatch.setenv("BACKCHANNEL_DATA_DIR", "/srv/chats")
    assert load().database_url == "sqlite:////srv/chats/backchannel.sqlite3"
    assert load().versions_dir == Path("/srv/chats/versions")


def test_admins_are_a_comma_separated_list_of_platform_and_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKCHANNEL_ADMINS", "slack:U1, telegram:42 ,,web:ada:x")
    settings = load_bot()
    assert settings.admins == {"slack:U1", "telegram:42", "web:ada:x"}
    assert settings.is_operator("slack", "U1")
    assert settings.is_operator("web", "ada:x")
    assert not settings.is_operator("telegram", "U1")


WRONG = [
    ("BATCH_SIZE", "many", "BACKCHANNEL_BATCH_SIZE is wrong: input should be a valid integer"),
    ("BATCH_SIZE", "0", "BACKCHANNEL_BATCH_SIZE is wrong: input should be greater than or equal to 1"),
    ("LANGUAGE", "fr", "BACKCHANNEL_LANGUAGE is wrong: input should be 'en' or 'zh'"),
    ("DATABASE__URL", SECRET, "BACKCHANNEL_DATABASE__URL is wrong: it should be an address that starts with"),
    ("DATABASE__URL", f"mysql://u:{SECRET}@h/d", "starts with one of sqlite://, postgresql://"),
    ("DATABASE__URI", SECRET, "BACKCHANNEL_DATABASE__URI is not a setting: look for the right name in .env.example"),
    ("DATABASE", SECRET, "BACKCHANNEL_DATABASE is a group of settings: set BACKCHANNEL_DATABASE__… instead"),
    ("DATABASE", f'"{SECRET}"', "BACKCHANNEL_DATABASE is a group of settings"),
    ("BROKER__URL", f"amqp://u:{SECRET}@h", "BACKCHANNEL_BROKER__URL is wrong: it should be an address"),
    ("ADMINS", "ada", "BACKCHANNEL_ADMINS is wrong: 'ada' should be platform:id"),
    ("WEB__PORT", "99999", "BACKCHANNEL_WEB__PORT is wrong: input should be less than or equal to 65535"),
    ("WEB__HOST", "0.0.0.0", "would be open to other machines, so set BACKCHANNEL_WEB__PASSWORD"),
    ("WEB__HOST", "chat.example.org", "would be open to other machines"),
]


@pytest.mark.parametrize(("name", "value", "sentence"), WRONG)
def test_a_wrong_value_gets_one_sentence_without_the_value_of_a_secret(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BACKCHANNEL_{name}", value)
    with pytest.raises(BackchannelError) as caught:
        load_bot() if name.startswith(("ADMINS", "WEB")) else load()
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_secrets_are_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKCHANNEL_DATABASE__URL", f"postgresql+psycopg://u:{SECRET}@h/d")
    monkeypatch.setenv("BACKCHANNEL_BROKER__URL", f"redis://:{SECRET}@h:6379/0")
    monkeypatch.setenv("BACKCHANNEL_WEB__PASSWORD", SECRET)
    for settings in (load(), load_bot()):
        assert SECRET not in f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert SECRET in load().database_url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_no_password(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKCHANNEL_WEB__HOST", host)
    assert load_bot().web.loopback


def test_other_addresses_are_fine_with_a_password_or_with_the_web_chat_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKCHANNEL_WEB__HOST", "0.0.0.0")
    monkeypatch.setenv("BACKCHANNEL_WEB__PASSWORD", SECRET)
    assert not load_bot().web.loopback
    monkeypatch.setenv("BACKCHANNEL_WEB__PASSWORD", "")
    monkeypatch.setenv("BACKCHANNEL_WEB__ENABLED", "false")
    assert not load_bot().web.enabled


def test_the_two_settings_share_no_name() -> None:
    assert not set(Settings.model_fields) & set(BotSettings.model_fields)
