"""The far side's Web API: methods with their documented arguments, answers, scopes and errors."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests.fakes.slack.shapes import Answer, Args, Trouble, arguments, check_blocks, shown, structured

SCOPES: dict[str, tuple[str, ...]] = {
    "chat.postMessage": ("chat:write",),
    "chat.update": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "users.info": ("users:read",),
    "emoji.list": ("emoji:read",),
    "conversations.info": ("channels:read", "groups:read", "im:read", "mpim:read"),
    "conversations.open": ("im:write", "channels:manage", "groups:write", "mpim:write"),
    "files.getUploadURLExternal": ("files:write",),
    "files.completeUploadExternal": ("files:write",),
}
"""By Slack's reference: a method takes any one of these; what is not here takes any token."""

BY_KIND = {"C": "channels", "G": "groups", "D": "im"}
"""The first letter of a channel says what it is; `conversations.info` asks for the scope of that kind."""


@dataclass
class Team:
    """A workspace that has installed the app."""

    id: str
    token: str
    scopes: set[str]
    name: str = "Acme"
    bot: str = "UBOT"
    bot_id: str = "BBOT"
    gone: str = ""
    """The error with which its token is refused."""


@dataclass
class Channel:
    """A channel with its members and what was said there, by time."""

    id: str
    members: set[str] = field(default_factory=set)
    archived: bool = False
    messages: dict[str, Answer] = field(default_factory=dict)


@dataclass
class FarWeb:
    """State and methods. `faults` holds, by method, errors that come before anything else."""

    teams: dict[str, Team] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    users: dict[str, Answer] = field(default_factory=dict)
    emoji: dict[str, str] = field(default_factory=dict)
    """The workspace's own emoji: name to picture, or to `alias:name`."""
    faults: dict[str, deque[Trouble]] = field(default_factory=dict)
    calls: list[tuple[str, Args]] = field(default_factory=list)
    limits: dict[str, Callable[[Team, Args], None]] = field(default_factory=dict)
    used_scopes: set[str] = field(default_factory=set)
    marks: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    """The bot's reactions, by channel and time."""
    whispers: list[Args] = field(default_factory=list)
    """Ephemeral messages, and what was sent to response URLs."""
    views: dict[str, Answer] = field(default_factory=dict)
    """The open modal and each person's home."""
    uploads: dict[str, Answer] = field(default_factory=dict)
    codes: dict[str, Team] = field(default_factory=dict)
    """OAuth codes that may be exchanged."""
    url: str = ""
    clock_skew: float = 0.0
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def ts(self) -> str:
        """A time that no message had before."""
        return f"{int(time.time())}.{next(self._numbers):06d}"

    def fail(self, method: str, *troubles: Trouble) -> None:
        """Let the next calls of a method fail in these ways."""
        self.faults.setdefault(method, deque()).extend(troubles)

    def called(self, method: str) -> list[Args]:
        """What a method was called with, so far."""
        return [args for name, args in self.calls if name == method]

    # ── one call ────────────────────────────────────────────────────────────────────────────────────

    async def handle(self, request: web.Request) -> web.Response:
        """One call of the Web API."""
        method, args = request.match_info["method"], await arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or args.pop("token", "")
        headers = {"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + self.clock_skew))}
        team = self.teams.get(token)
        if team:
            headers["x-oauth-scopes"] = ",".join(sorted(team.scopes))
        try:
            answer = self.answer(method, args, team)
            return web.json_response({"ok": True, **answer}, headers=headers)
        except Trouble as trouble:
            if trouble.status >= 500:
                return web.Response(status=trouble.status, text="upstream", headers=headers)
            body = {"ok": False, "error": trouble.code, **trouble.more}
            return web.json_response(body, status=trouble.status, headers=headers | trouble.headers)

    def answer(self, method: str, args: Args, team: Team | None) -> Answer:
        """What a method answers, after all that may go wrong before it."""
        self.calls.append((method, args))
        if waiting := self.faults.get(method):
            raise waiting.popleft()
        if method == "oauth.v2.access":
            return self.oauth_v2_access(args)
        if team is None or team.gone:
            raise Trouble(team.gone if team else "invalid_auth")
        self.check_scope(method, args, team)
        if method in self.limits:
            self.limits[method](team, args)
        run: Callable[[Team, Args], Answer] | None = getattr(self, method.replace(".", "_"), None)
        if run is None:
            raise Trouble("unknown_method")
        return run(team, args)

    def check_scope(self, method: str, args: Args, team: Team) -> None:
        """Slack's refusal of a token that may not do this."""
        wanted = SCOPES.get(method, ())
        if method == "conversations.info":
            wanted = (BY_KIND.get(str(args["channel"])[0], "channels") + ":read",)
        if wanted and not team.scopes & set(wanted):
            raise Trouble("missing_scope", needed=wanted[0], provided=",".join(sorted(team.scopes)))
        self.used_scopes |= set(wanted) & team.scopes

    def place(self, team: Team, args: Args, name: str = "channel") -> Channel:
        """The channel that is meant, if the bot is in it."""
        channel = self.channels.get(str(args[name]))
        if channel is None or (channel.id[0] in "GD" and team.bot not in channel.members):
            raise Trouble("channel_not_found")
        if team.bot not in channel.members:
            raise Trouble("not_in_channel")
        if channel.archived:
            raise Trouble("is_archived")
        return channel

    # ── the methods ─────────────────────────────────────────────────────────────────────────────────

    def auth_test(self, team: Team, args: Args) -> Answer:
        mine = {"user": "backchannel", "user_id": team.bot, "bot_id": team.bot_id, "is_enterprise_install": False}
        return {"url": "https://acme.slack.com/", "team": team.name, "team_id": team.id, **mine}

    def users_info(self, team: Team, args: Args) -> Answer:
        if args["user"] not in self.users:
            raise Trouble("user_not_found")
        return {"user": self.users[args["user"]]}

    def emoji_list(self, team: Team, args: Args) -> Answer:
        return {"emoji": self.emoji, "cache_ts": self.ts()}

    def conversations_info(self, team: Team, args: Args) -> Answer:
        channel = self.channels.get(str(args["channel"]))
        member = channel is not None and team.bot in channel.members
        if channel is None or (channel.id[0] in "GD" and not member):
            raise Trouble("channel_not_found")
        return {"channel": {"id": channel.id, "name": channel.id.lower(), "is_member": member}}

    def conversations_open(self, team: Team, args: Args) -> Answer:
        user = self.users.get(str(args["users"]))
        if user is None:
            raise Trouble("user_not_found")
        if user.get("is_bot"):
            raise Trouble("cannot_dm_bot")
        channel = self.channels.setdefault(f"D{user['id']}", Channel(f"D{user['id']}", {team.bot, user["id"]}))
        return {"channel": {"id": channel.id}, "no_op": True, "already_open": True}

    def chat_postMessage(self, team: Team, args: Args) -> Answer:  # noqa: N802
        channel, ts = self.place(team, args), self.ts()
        check_blocks(args)
        message = {"type": "message", "user": team.bot, "bot_id": team.bot_id, "ts": ts, **shown(args)}
        channel.messages[ts] = message
        return {"channel": channel.id, "ts": ts, "message": message}

    def chat_postEphemeral(self, team: Team, args: Args) -> Answer:  # noqa: N802
        self.place(team, args)
        check_blocks(args)
        ts = self.ts()
        self.whispers.append({**args, "ts": ts})
        return {"message_ts": ts}

    def chat_update(self, team: Team, args: Args) -> Answer:
        channel = self.place(team, args)
        check_blocks(args)
        message = channel.messages.get(args["ts"])
        if message is None:
            raise Trouble("message_not_found")
        if message.get("bot_id") != team.bot_id:
            raise Trouble("cant_update_message")
        message |= shown(args)
        return {"channel": channel.id, "ts": args["ts"], "text": args["text"]}

    def chat_delete(self, team: Team, args: Args) -> Answer:
        if self.place(team, args).messages.pop(args["ts"], None) is None:
            raise Trouble("message_not_found")
        return {"channel": args["channel"], "ts": args["ts"]}

    def reactions_add(self, team: Team, args: Args) -> Answer:
        marks = self.marked(team, args)
        if args["name"] in marks:
            raise Trouble("already_reacted")
        marks.append(args["name"])
        return {}

    def reactions_remove(self, team: Team, args: Args) -> Answer:
        marks = self.marked(team, args)
        if args["name"] not in marks:
            raise Trouble("no_reaction")
        marks.remove(args["name"])
        return {}

    def marked(self, team: Team, args: Args) -> list[str]:
        channel = self.place(team, args)
        if args["timestamp"] not in channel.messages:
            raise Trouble("message_not_found")
        return self.marks.setdefault((channel.id, args["timestamp"]), [])

    def views_open(self, team: Team, args: Args) -> Answer:
        view = structured(args["view"]) | {"id": f"V{next(self._numbers)}"}
        check_blocks(view, most=100)
        if len(view.get("private_metadata", "")) > 3000:
            raise Trouble("invalid_arguments")
        self.views["modal"] = view
        return {"view": view}

    def views_publish(self, team: Team, args: Args) -> Answer:
        view = structured(args["view"]) | {"id": f"V{next(self._numbers)}"}
        check_blocks(view, most=100)
        self.views[args["user_id"]] = view
        return {"view": view}

    def files_getUploadURLExternal(self, team: Team, args: Args) -> Answer:  # noqa: N802
        number = f"F{next(self._numbers)}"
        self.uploads[number] = {"filename": args["filename"], "length": int(args["length"]), "alt": args.get("alt_txt")}
        return {"upload_url": f"{self.url}/upload/v1/{number}", "file_id": number}

    def files_completeUploadExternal(self, team: Team, args: Args) -> Answer:  # noqa: N802
        channel = self.place(team, args, "channel_id")
        files = structured(args["files"])
        for file in files:
            upload = self.uploads[file["id"]]
            if len(upload.get("content", b"")) != upload["length"]:
                raise Trouble("file_upload_size_restricted")
            said = {"comment": args.get("initial_comment"), "thread": args.get("thread_ts"), "channel": channel.id}
            upload |= said
        return {"files": [{"id": file["id"], "title": file.get("title")} for file in files]}

    async def upload(self, request: web.Request) -> web.Response:
        """Where the bytes of a file go."""
        self.uploads[request.match_info["number"]]["content"] = await request.read()
        return web.Response(text="OK - 1")

    def oauth_v2_access(self, args: Args) -> Answer:
        team = self.codes.pop(str(args.get("code")), None)
        if team is None:
            raise Trouble("invalid_code")
        self.teams[team.token] = team
        bot = {"access_token": team.token, "token_type": "bot", "scope": ",".join(team.scopes), "bot_user_id": team.bot}
        return {**bot, "app_id": "A1", "team": {"id": team.id, "name": team.name}, "authed_user": {"id": "U1"}}
