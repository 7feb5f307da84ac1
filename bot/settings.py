"""What the bot reads from the environment: who is an admin, and which platforms run."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from workers.settings import Group, Settings, read_settings


class WebSettings(Group):
    """The web chat. On any address but loopback it asks for a password."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=1, le=65535)
    password: SecretStr | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @model_validator(mode="after")
    def _password_off_loopback(self) -> WebSettings:
        if self.enabled and not self.loopback and not (self.password and self.password.get_secret_value()):
            raise ValueError(
                "the page would be open to other machines, so set BACKCHANNEL_WEB__PASSWORD, or keep "
                "BACKCHANNEL_WEB__HOST at 127.0.0.1"
            )
        return self


class BotSettings(BaseSettings):
    """Everything that the bot alone is told from outside."""

    model_config = SettingsConfigDict(**Settings.model_config)

    admins: Annotated[frozenset[str], NoDecode] = frozenset()
    web: WebSettings = WebSettings()

    @field_validator("admins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _people(value) if isinstance(value, str) else value

    def is_admin(self, platform: str, person: str) -> bool:
        """Whether the settings name this person, by the platform's own id, as an admin."""
        return f"{platform}:{person}" in self.admins


def load() -> BotSettings:
    """The bot's settings. Raises BackchannelError with one sentence when a value is wrong."""
    return read_settings(BotSettings)


def _people(text: str) -> frozenset[str]:
    people = [part.strip() for part in text.split(",") if part.strip()]
    for person in people:
        platform, _, name = person.partition(":")
        if not (platform and name):
            raise ValueError(
                f"{person!r} should be platform:id, as in slack:U012AB3CD, and several are separated by commas"
            )
    return frozenset(people)
