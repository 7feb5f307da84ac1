"""What we ask of a workspace, and what for; a test compares it with docker/slack-manifest.yaml and what is used."""

from __future__ import annotations

from bot.platforms.slack.events import SLASHES, TRANSLATE
from bot.platforms.slack.surfaces import LABEL_THIS

USES: dict[str, tuple[str, ...]] = {
    "app_mentions:read": ("event app_mention",),
    "channels:history": ("event message.channels",),
    "groups:history": ("event message.groups",),
    "im:history": ("event message.im",),
    "im:write": ("conversations.open",),
    "mpim:history": ("event message.mpim",),
    "channels:read": ("event member_joined_channel", "event channel_left", "conversations.info"),
    "groups:read": ("event member_joined_channel", "event group_left", "conversations.info"),
    "emoji:read": ("emoji.list",),
    "reactions:read": ("event reaction_added", "event reaction_removed"),
    "reactions:write": ("reactions.add", "reactions.remove"),
    "chat:write": ("chat.postMessage", "chat.update", "chat.postEphemeral", "chat.delete"),
    "files:write": ("files.getUploadURLExternal", "files.completeUploadExternal"),
    "users:read": ("users.info",),
    "commands": (*(f"slash {name}" for name in SLASHES), f"shortcut {LABEL_THIS}"),
}
"""Each scope with the events and methods that need it."""

BOT_SCOPES = frozenset(USES)
APP_SCOPES = frozenset({"connections:write"})
"""What the token for Socket Mode may do."""

LIFE = frozenset({"app_home_opened", "app_uninstalled", "tokens_revoked"})
"""Events about the app itself, which need no scope."""

MESSAGES = frozenset({"message.channels", "message.groups", "message.im", "message.mpim"})
EVENTS = (frozenset(TRANSLATE) - {"message"}) | MESSAGES | LIFE
