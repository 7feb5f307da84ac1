"""What bolt calls: translate, hand over, and only then let bolt acknowledge."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.platforms.base import Accept, Refused
from bot.platforms.slack import home, interactive, modal
from bot.platforms.slack.errands import Errands
from bot.platforms.slack.errors import sentences
from bot.platforms.slack.events import chat_of, event_of
from bot.platforms.slack.redact import sdk_logger
from bot.platforms.slack.response_urls import ResponseUrls
from bot.platforms.slack.users import Users
from bot.platforms.slack.workspace import Workspace, workspace_of
from bot.platforms.slack.workspaces import Workspaces
from workers.core.events import ChatRef, Command, Event, Message, Reaction
from workers.core.i18n import say

if TYPE_CHECKING:
    from workers.store.overview import Overview

Body = dict[str, Any]
ANY = re.compile(".*")


class Listeners:
    """One method for each kind of payload. `overview` reads the store, may block, and runs in a thread."""

    def __init__(
        self,
        workspaces: Workspaces,
        people: Users,
        errands: Errands,
        urls: ResponseUrls,
        overview: Callable[[ChatRef], Overview],
        language: str,
    ) -> None:
        self.accept: Accept | None = None
        self._workspaces, self._people, self._errands, self._urls = workspaces, people, errands, urls
        self._overview, self._language = overview, language

    async def event(self, body: Body) -> None:
        """Messages, reactions, mentions, and what happens to the app itself."""
        team, kind = workspace_of(body), body["event"]["type"]
        if kind == "app_uninstalled" or (kind == "tokens_revoked" and body["event"]["tokens"].get("bot")):
            await self._workspaces.revoke(team)
            return
        mine = await self._workspaces.find(team)
        if mine is None:
            return
        if kind == "app_home_opened":
            self._errands.run(lambda: self._show_home(mine, body["event"]))
            return
        event = event_of(body, mine, lambda user: self._people.name(mine, user))
        if event is None or (await self._by_guest(body, mine, event)):
            return
        if await self._hand_over(event):
            self._learn_name(mine, event)
        elif isinstance(event, Command):
            self._errands.run(lambda: self._say_off(mine, event))

    async def slash(self, body: Body, ack: AsyncAck) -> None:
        """`/backchannel …` and `/retrain …`."""
        mine = await self._workspaces.find(workspace_of(body))
        if mine is None:
            await ack()
            return
        command = interactive.command_of(body, mine)
        self._urls.remember(command.chat, body.get("response_url") or "")
        if await self._hand_over(command):
            await ack()
        else:
            await ack(text=say(self._language, "not_here"), response_type="ephemeral")

    async def button(self, body: Body, ack: AsyncAck) -> None:
        """A button under a post, or one of the App Home."""
        mine = await self._workspaces.find(workspace_of(body))
        if mine is not None:
            at_home = (body.get("container") or {}).get("type") == "view"
            event = interactive.home_command_of(body, mine) if at_home else interactive.button_of(body, mine)
            if event is not None:
                await self._hand_over(event)
        await ack()

    async def shortcut(self, body: Body, ack: AsyncAck) -> None:
        """ "Label this…": open the modal. Nothing is stored yet."""
        mine = await self._workspaces.find(workspace_of(body))
        if mine is not None:
            target = interactive.target_of(body, mine)
            seen = await asyncio.to_thread(self._overview, chat_of(target.channel, mine))
            shown = modal.view(target, seen.labels, self._language)
            if not seen.enabled:
                shown = modal.closing(say(self._language, "not_here"), self._language)
            trigger = body["trigger_id"]  # good for three seconds: this can't wait for its turn among the errands
            await self._open(mine, trigger, shown)
        await ack()

    async def submission(self, body: Body, ack: AsyncAck) -> None:
        """The modal was submitted: first the message, which may be from before our time there, then the label."""
        mine = await self._workspaces.find(workspace_of(body))
        if mine is None:
            await ack()
            return
        target = interactive.metadata_of(body)
        message, command = interactive.message_of(target, mine), interactive.labelling_of(body, target, mine)
        if message is not None and not await self._hand_over(message):
            closing = modal.closing(say(self._language, "not_here"), self._language)
            await ack(response_action="update", view=closing)
            return
        if command is not None:
            await self._hand_over(command)
        await ack()

    def _learn_name(self, mine: Workspace, event: Event) -> None:
        """For the next time: payloads carry only the id."""
        match event:
            case Message() if not event.bot:
                self._people.learn(mine, event.author.id)
            case Reaction():
                self._people.learn(mine, event.annotator.id)
            case Command():
                self._people.learn(mine, event.caller.id)
            case _:
                pass

    async def _hand_over(self, event: Event) -> bool:
        if self.accept is None:
            raise ConnectionError("Not listening yet.")
        return await self.accept(event)

    async def _by_guest(self, body: Body, mine: Workspace, event: Event) -> bool:
        """Whether this is a reaction from another company: payloads don't say it, so Slack is asked, once a person."""
        shared = bool(body.get("is_ext_shared_channel"))
        return shared and isinstance(event, Reaction) and await self._people.is_guest(mine, event.annotator.id)

    async def _open(self, mine: Workspace, trigger: str, view: Body) -> None:
        with suppress(Refused), sentences():  # too late: who clicked sees that nothing opened, and clicks again
            await self._workspaces.client_of(mine).views_open(trigger_id=trigger, view=view)

    async def _say_off(self, mine: Workspace, command: Command) -> None:
        text, thread = say(self._language, "not_here"), command.thread if command.reply_to else None
        with sentences():
            await self._workspaces.client_of(mine).chat_postEphemeral(
                channel=command.chat.chat_id, user=command.caller.id, text=text, thread_ts=thread
            )

    async def _show_home(self, mine: Workspace, event: Body) -> None:
        if event.get("tab", "home") != "home":
            return
        dm = chat_of(event["channel"], mine)
        seen = await asyncio.to_thread(self._overview, dm)
        admin = (await self._people.standing(mine, event["user"])).admin
        view = home.view(seen, self._language, admin, dm.chat_id)
        with sentences():
            await self._workspaces.client_of(mine).views_publish(user_id=event["user"], view=view)


def bolt_app(listeners: Listeners, workspaces: Workspaces, secret: SecretStr | None) -> AsyncApp:
    """Bolt with our listeners: it answers 500, or does not acknowledge, when one of them raises."""

    async def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult:
        # Who may be listened to, the listeners find out: bolt would complain of each event of a workspace that left.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)

    app = AsyncApp(
        logger=sdk_logger(),
        name="backchannel",
        process_before_response=True,
        client=workspaces.client(),
        signing_secret=secret.get_secret_value() if secret else "unused in Socket Mode",
        authorize=authorize,
        ignoring_self_events_enabled=False,  # translate.py knows our own words, and what else to leave out
        attaching_function_token_enabled=False,
    )
    app.event(ANY)(listeners.event)
    app.command(ANY)(listeners.slash)
    app.action(ANY)(listeners.button)
    app.message_shortcut(modal.LABEL_THIS)(listeners.shortcut)
    app.view(modal.LABEL_THIS)(listeners.submission)
    return app
