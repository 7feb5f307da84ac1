"""What bolt calls: translate, hand over, and only then let bolt acknowledge."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from pydantic import SecretStr
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.platforms.base import Accept, Refused, not_listening
from bot.platforms.slack import events
from bot.platforms.slack.background_tasks import BackgroundTasks
from bot.platforms.slack.custom_emoji import CustomEmoji
from bot.platforms.slack.errors import translated_errors
from bot.platforms.slack.redact import sdk_logger
from bot.platforms.slack.response_urls import ResponseUrls
from bot.platforms.slack.surfaces import LABEL_THIS, Home, Option, closing, home_view, modal_view
from bot.platforms.slack.users import Users
from bot.platforms.slack.workspaces import Workspace, Workspaces, workspace_of
from workers.core.events import Button, ChatRef, Command, Event, Message, Reaction
from workers.core.i18n import say

Body = dict[str, Any]
ANY = re.compile(".*")


class Screens(Protocol):
    """What the App Home and the modal show, made outside the platform. Both methods may block, and run in threads."""

    def home(self, chat: ChatRef, person: str, admin: bool) -> Home:
        """What somebody sees in the App Home, an admin of the workspace or not; `chat` is their DM with the bot."""
        ...

    def options(self, chat: ChatRef) -> Sequence[Option] | str:
        """What can be chosen for a message of this chat, or the sentence why nothing can."""
        ...


class Listeners:
    """One method for each kind of payload."""

    def __init__(
        self,
        workspaces: Workspaces,
        users: Users,
        background: BackgroundTasks,
        response_urls: ResponseUrls,
        screens: Screens,
        language: str,
    ) -> None:
        self.accept: Accept = not_listening
        self._workspaces, self._users, self._background = workspaces, users, background
        self._response_urls, self._screens, self._language = response_urls, screens, language
        self._custom_emoji = CustomEmoji(workspaces)

    async def event(self, body: Body) -> None:
        """Messages, reactions, mentions, and what happens to the app itself."""
        team, kind = workspace_of(body), body["event"]["type"]
        # A person's token may be revoked while the bot's is as good as before.
        if kind == "app_uninstalled" or (kind == "tokens_revoked" and body["event"]["tokens"].get("bot")):
            await self._workspaces.revoke(team)
            return
        workspace = await self._workspaces.find(team)
        if workspace is None:
            return
        if kind == "app_home_opened":
            self._background.start(lambda: self._show_home(workspace, body["event"]))
            return
        event = events.event_of(body, workspace, lambda user: self._users.name(workspace, user))
        if event is None or (await self._reaction_by_guest(body, workspace, event)):
            return
        if await self.accept(event):
            self._learn_name(workspace, event)
            self._look_at_emoji(workspace, event)
        elif isinstance(event, Command):
            self._background.start(lambda: self._whisper(workspace, event, say(self._language, "not_here")))

    async def slash(self, body: Body, ack: AsyncAck) -> None:
        """`/backchannel …` and `/retrain …`."""
        workspace = await self._workspaces.find(workspace_of(body))
        if workspace is None:
            await ack()
            return
        command = events.slash_command_of(body, workspace)
        self._response_urls.keep(command.chat, command.caller.id, body.get("response_url"))
        if await self.accept(command):
            await ack()
            self._look_at_emoji(workspace, command)
        else:
            await ack(text=say(self._language, "not_here"), response_type="ephemeral")

    async def button(self, body: Body, ack: AsyncAck) -> None:
        """A button under a post, or one of the App Home."""
        workspace = await self._workspaces.find(workspace_of(body))
        if workspace is not None:
            at_home = (body.get("container") or {}).get("type") == "view"
            event = events.home_command_of(body, workspace) if at_home else events.button_of(body, workspace)
            if isinstance(event, Button):
                for about in (event.presser.id, event.ref.message_id):
                    self._response_urls.keep(event.ref.chat, about, body.get("response_url"))
            if event is not None:
                await self.accept(event)
        await ack()

    async def shortcut(self, body: Body, ack: AsyncAck) -> None:
        """ "Label this…": open the modal. Nothing is stored yet."""
        workspace = await self._workspaces.find(workspace_of(body))
        if workspace is not None:
            target = events.target_of(body, workspace)
            chat = events.chat_of(target.channel, workspace)
            self._response_urls.keep(chat, body["user"]["id"], body.get("response_url"))
            options = await asyncio.to_thread(self._screens.options, chat)
            if target.mine:
                options = say(self._language, "slack_label_mine")
            if isinstance(options, str):
                view = closing(options, self._language)
            else:
                view = modal_view(target, options, self._language)
            # The trigger is good for three seconds: this can't wait among the background tasks.
            await self._open(workspace, body["trigger_id"], view)
        await ack()

    async def submission(self, body: Body, ack: AsyncAck) -> None:
        """The modal was submitted: first the message, which may be from before our time there, then the label."""
        workspace = await self._workspaces.find(workspace_of(body))
        if workspace is None:
            await ack()
            return
        target = events.metadata_of(body)
        message, command = events.target_message(target, workspace), events.labelling_of(body, target, workspace)
        if message is not None and not await self.accept(message):
            view = closing(say(self._language, "not_here"), self._language)
            await ack(response_action="update", view=view)
            return
        if command is not None:
            await self.accept(command)
        await ack()

    def _learn_name(self, workspace: Workspace, event: Event) -> None:
        """For the next time: payloads carry only the id."""
        match event:
            case Message() if not event.bot:
                self._users.learn(workspace, event.author.id)
            case Reaction():
                self._users.learn(workspace, event.annotator.id)
            case Command():
                self._users.learn(workspace, event.caller.id)
            case _:
                pass

    def _look_at_emoji(self, workspace: Workspace, event: Event) -> None:
        """Beside everything else: whoever gives a label an emoji that nobody there has is told so."""
        if isinstance(event, Command) and event.verb == "labels":
            self._background.start(lambda: self._say_missing_emoji(workspace, event))

    async def _say_missing_emoji(self, workspace: Workspace, command: Command) -> None:
        for form in await self._custom_emoji.missing(workspace, command.arguments):
            await self._whisper(workspace, command, say(self._language, "slack_emoji_missing", emoji=form))

    async def _reaction_by_guest(self, body: Body, workspace: Workspace, event: Event) -> bool:
        """Whether this is a reaction from another company: payloads don't say it, so Slack is asked, once a person."""
        shared = bool(body.get("is_ext_shared_channel"))
        return shared and isinstance(event, Reaction) and await self._users.is_guest(workspace, event.annotator.id)

    async def _open(self, workspace: Workspace, trigger: str, view: Body) -> None:
        with suppress(Refused), translated_errors():  # too late: who clicked sees that nothing opened, and clicks again
            await self._workspaces.client_of(workspace).views_open(trigger_id=trigger, view=view)

    async def _whisper(self, workspace: Workspace, command: Command, text: str) -> None:
        """Say something to whoever typed a command, alone."""
        client, chat = self._workspaces.client_of(workspace), command.chat.chat_id
        with translated_errors():
            if command.private:
                await client.chat_postMessage(channel=chat, text=text)
            else:
                thread = command.thread if command.reply_to else None
                await client.chat_postEphemeral(channel=chat, user=command.caller.id, text=text, thread_ts=thread)

    async def _show_home(self, workspace: Workspace, event: Body) -> None:
        if event.get("tab", "home") != "home":
            return
        dm = events.chat_of(event["channel"], workspace)
        admin = (await self._users.standing(workspace, event["user"])).admin
        home = await asyncio.to_thread(self._screens.home, dm, event["user"], admin)
        view = home_view(home, self._language, dm.chat_id)
        with translated_errors():
            await self._workspaces.client_of(workspace).views_publish(user_id=event["user"], view=view)


def bolt_app(listeners: Listeners, workspaces: Workspaces, secret: SecretStr | None) -> AsyncApp:
    """Bolt with our listeners: it answers 500, or does not acknowledge, when one of them raises."""

    async def authorize(team_id: str | None, enterprise_id: str | None) -> AuthorizeResult:
        # Who may be listened to, the listeners find out: bolt would complain of each event of a workspace that left.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)

    app = AsyncApp(
        logger=sdk_logger(),
        name="backchannel",
        # Else bolt acknowledges before a listener has stored anything, and what raises is lost.
        process_before_response=True,
        client=workspaces.client(),
        signing_secret=secret.get_secret_value() if secret else "unused in Socket Mode",
        authorize=authorize,
        ignoring_self_events_enabled=False,  # events.py knows our own messages, and what else to leave out
        attaching_function_token_enabled=False,
    )
    # Any: what no listener takes bolt answers with 404, and Slack would send it again.
    app.event(ANY)(listeners.event)
    app.command(ANY)(listeners.slash)
    app.action(ANY)(listeners.button)
    app.message_shortcut(LABEL_THIS)(listeners.shortcut)
    app.view(LABEL_THIS)(listeners.submission)
    return app
