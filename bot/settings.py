"""What the bot reads from the environment: who is an admin, and which platforms run."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from workers.core.settings import Group, Settings, read_settings


def is_loopback(host: str) -> bool:
    """Whether an address that we bind can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    # A name may resolve to anything, so it is not taken for this machine.
    except ValueError:
        return False


class WebSettings(Group):
    """The web chat. On any address but loopback it asks for a password."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8090, ge=1, le=65535)
    password: SecretStr | None = None
    public_url: str = ""
    trusted_proxies: str = ""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        return is_loopback(self.host)

    @model_validator(mode="after")
    def _password_off_loopback(self) -> WebSettings:
        if self.enabled and not self.loopback and not (self.password and self.password.get_secret_value()):
            raise ValueError(
                "the page would be open to other machines, so set BACKCHANNEL_WEB__PASSWORD, or keep "
                "BACKCHANNEL_WEB__HOST at 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _public_behind_a_password(self) -> WebSettings:
        if not self.public_url:
            return self
        if not re.fullmatch(r"https?://[^/\s]+/?", self.public_url):
            raise ValueError("BACKCHANNEL_WEB__PUBLIC_URL is an address without a path, as https://chat.example.com")
        if not (self.password and self.password.get_secret_value()):
            raise ValueError("the page has a public address, so set BACKCHANNEL_WEB__PASSWORD")
        return self


class SlackSettings(Group):
    """Slack. One workspace by its bot token, or several that install the bot themselves (client id and secret)."""

    mode: Literal["socket", "http"] = "socket"
    bot_token: SecretStr | None = None
    app_token: SecretStr | None = None
    signing_secret: SecretStr | None = None
    client_id: str = ""
    client_secret: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8091, ge=0, le=65535)
    api_url: str = "https://slack.com/api/"

    @property
    def enabled(self) -> bool:
        """Whether there is a workspace to be had."""
        return bool(self.bot_token or self.client_id)

    @model_validator(mode="after")
    def _complete(self) -> SlackSettings:
        if not self.enabled:
            return self
        if self.mode == "socket" and not self.app_token:
            raise ValueError("Socket Mode needs BACKCHANNEL_SLACK__APP_TOKEN, which starts with xapp-")
        if self.mode == "http" and not self.signing_secret:
            raise ValueError("over HTTP anybody could forge events, so set BACKCHANNEL_SLACK__SIGNING_SECRET")
        if self.client_id and not (self.client_secret and self.signing_secret):
            raise ValueError(
                "to be installed by workspaces, BACKCHANNEL_SLACK__CLIENT_SECRET and "
                "BACKCHANNEL_SLACK__SIGNING_SECRET are needed beside BACKCHANNEL_SLACK__CLIENT_ID"
            )
        return self


class TelegramSettings(Group):
    """Telegram. `public_url` is where Telegram's servers reach the webhook, such as https://bot.example.org."""

    mode: Literal["polling", "webhook"] = "polling"
    token: SecretStr | None = None
    secret: SecretStr | None = None
    public_url: str = ""
    host: str = "127.0.0.1"
    port: int = Field(default=8092, ge=0, le=65535)
    api_url: str = "https://api.telegram.org"

    @property
    def enabled(self) -> bool:
        """Whether there is a bot to be."""
        return self.token is not None

    @model_validator(mode="after")
    def _complete(self) -> TelegramSettings:
        if not self.enabled or self.mode == "polling":
            return self
        if not self.secret:
            raise ValueError("anybody could forge updates of a webhook, so set BACKCHANNEL_TELEGRAM__SECRET")
        if not self.public_url:
            raise ValueError("Telegram has to know the webhook's address, so set BACKCHANNEL_TELEGRAM__PUBLIC_URL")
        return self


Served = WebSettings | SlackSettings | TelegramSettings


class BotSettings(BaseSettings):
    """Everything that the bot alone is told from outside."""

    model_config = SettingsConfigDict(**Settings.model_config)

    # NoDecode: pydantic-settings would read JSON, and people write a list with commas.
    admins: Annotated[frozenset[str], NoDecode] = frozenset()
    web: WebSettings = WebSettings()
    slack: SlackSettings = SlackSettings()
    telegram: TelegramSettings = TelegramSettings()

    @field_validator("admins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return _people(value) if isinstance(value, str) else value

    @property
    def enabled(self) -> list[str]:
        """The platforms that are set up, by name."""
        return [name for name in ("web", "slack", "telegram") if getattr(self, name).enabled]

    def is_operator(self, platform: str, person: str) -> bool:
        """Whether the settings name this person, by the platform's own id: one who may do what concerns all chats."""
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
