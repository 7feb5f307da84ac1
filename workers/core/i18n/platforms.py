"""Why a platform did not take a reply, and what is said in its place."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    # ── what is said in place of a reply that was refused ──
    "refused_post": (
        "{text}\n(Only you see this, for I can't say it to all here: {why})",
        "{text}\n（只有您能看到，因为我无法在此公开发言：{why}）",
    ),
    "refused_file": ("I can't hand over {filename} here. {why}", "我无法在这里发送 {filename}。{why}"),
    "refused_picture": ("{words}\n(Without its picture: {why})", "{words}\n（图片未能发出：{why}）"),
    "refused_rights": (
        "I can't find out whether you may use `{verb}`. {why}",
        "我无法确认您是否可以使用 `{verb}`。{why}",
    ),
    "refused_inside": (
        "It failed again and again; the log of the bot says why.",
        "多次尝试均失败，原因见机器人日志。",
    ),
    "refused_never_sent": (
        "The post to change was never sent, so there is nothing to change.",
        "要修改的消息从未发出，因此无可修改。",
    ),
    "refused_empty": ("There is nothing to say.", "没有可说的内容。"),
    # ── Telegram ──
    "tg_same": ("The message says that already.", "消息内容已经如此。"),
    "tg_gone_emoji": ("The message is gone, so it can't get an emoji.", "消息已不存在，无法添加表情。"),
    "tg_gone_edit": ("The message is gone, so it can't be changed.", "消息已不存在，无法修改。"),
    "tg_gone_delete": ("The message is gone already.", "消息已不存在。"),
    "tg_gone_answer": ("The message is gone, so it can't be answered.", "消息已不存在，无法回复。"),
    "tg_edit_over": (
        "Telegram lets nobody change this message any more.",
        "Telegram 不再允许修改这条消息。",
    ),
    "tg_delete_over": (
        "Telegram lets nobody delete this message any more.",
        "Telegram 不再允许删除这条消息。",
    ),
    "tg_emoji_not_allowed": ("This emoji is not allowed in this chat.", "本群不允许使用这个表情。"),
    "tg_emoji_full": (
        "This message has as many different emoji as Telegram allows.",
        "这条消息的表情种类已达 Telegram 的上限。",
    ),
    "tg_chat_unknown": (
        "Telegram knows no such chat, or the bot is not in it: add the bot again.",
        "Telegram 找不到这个群，或机器人不在其中：请重新添加机器人。",
    ),
    "tg_private_closed": (
        "It is for you alone, and I may not write to you: open a chat with me, press Start, and ask here once more.",
        "该内容只能发给您本人，但我无法给您发消息：请打开与我的私聊并点击“开始”，然后在这里再试一次。",
    ),
    "tg_private_anonymous": (
        "It is for one person alone, and you write in the name of a chat: write as yourself, and ask once more.",
        "该内容只能发给个人，而您以群组身份发言：请以本人身份再试一次。",
    ),
    "tg_right_missing": (
        "The bot lacks a right in this chat: make it an administrator.",
        "机器人在本群缺少权限：请把它设为管理员。",
    ),
    "tg_no_writing": (
        "The bot may not write in this chat: make it an administrator.",
        "机器人不能在本群发言：请把它设为管理员。",
    ),
    "tg_no_photos": (
        "This chat lets the bot send no pictures: allow them, or make it an administrator.",
        "本群不允许机器人发送图片：请允许，或把它设为管理员。",
    ),
    "tg_no_files": (
        "This chat lets the bot send no files: allow them, or make it an administrator.",
        "本群不允许机器人发送文件：请允许，或把它设为管理员。",
    ),
    "tg_restricted": (
        "Telegram keeps everybody from writing in this chat.",
        "Telegram 已限制在本群发言。",
    ),
    "tg_members_hidden": (
        "Telegram does not tell the bot who is an administrator here: make the bot one.",
        "Telegram 不告诉机器人谁是本群管理员：请把机器人设为管理员。",
    ),
    "tg_nobody": ("Telegram finds no such person in this chat.", "Telegram 在本群找不到此人。"),
    "tg_topic_closed": ("The topic is closed: open it again.", "话题已关闭：请重新打开。"),
    "tg_topic_deleted": ("The topic was deleted.", "话题已被删除。"),
    "tg_press_old": (
        "The button was pressed too long ago to be answered.",
        "按下按钮的时间太久，无法再回应。",
    ),
    "tg_put_out": ("The bot was put out of this chat, or blocked.", "机器人已被移出本群或被屏蔽。"),
    "tg_forbidden": (
        "Telegram forbids the bot to do this: look at its rights in this chat.",
        "Telegram 不允许机器人这样做：请检查它在本群的权限。",
    ),
    "tg_method_unknown": (
        "This Telegram server does not know how to do that: it is older than the bot.",
        "该 Telegram 服务器版本过旧，不支持此操作。",
    ),
    "tg_unauthorised": (
        "Telegram does not let the bot do this, although it takes its token.",
        "Telegram 承认机器人的令牌，但不允许此操作。",
    ),
    "tg_refused": ("Telegram refused it: {why}.", "Telegram 拒绝了：{why}。"),
    "tg_large": ("The file is larger than Telegram takes.", "文件超过了 Telegram 允许的大小。"),
    "tg_large_file": ("The file is larger than the 50 MB that Telegram takes.", "文件超过了 Telegram 允许的 50 MB。"),
    "tg_large_picture": (
        "The picture is larger than the 10 MB that Telegram takes.",
        "图片超过了 Telegram 允许的 10 MB。",
    ),
    "tg_old_message": (
        "The message is from before the group became a supergroup: Telegram shows no emoji there.",
        "这条消息早于群升级为超级群：Telegram 不会在那里显示表情。",
    ),
    "tg_old_post": (
        "The post is from before the group became a supergroup: it can't be changed any more.",
        "这条消息早于群升级为超级群，无法再修改。",
    ),
    # ── Slack ──
    "slack_archived": (
        "The channel is archived: unarchive it to go on there.",
        "频道已归档：请先取消归档。",
    ),
    "slack_thread_locked": (
        "The thread is locked, so nothing can be said in it.",
        "该消息列已锁定，无法发言。",
    ),
    "slack_gone": ("The message is gone, so nothing can be done about it.", "消息已不存在，无法操作。"),
    "slack_not_changeable": ("Slack lets nobody change that message.", "Slack 不允许修改那条消息。"),
    "slack_edit_over": (
        "This workspace no longer lets that message be changed.",
        "本工作区不再允许修改那条消息。",
    ),
    "slack_emoji_full": (
        "The message has as many different emoji as Slack allows.",
        "这条消息的表情种类已达 Slack 的上限。",
    ),
    "slack_reactions_full": (
        "The message has as many reactions as Slack allows.",
        "这条消息的回应数已达 Slack 的上限。",
    ),
    "slack_emoji_unknown": (
        "This workspace has no emoji of that name: choose another with `labels emoji`.",
        "本工作区没有这个名字的表情：请用 `labels emoji` 换一个。",
    ),
    "slack_emoji_nameless": (
        "Slack has no name for {emoji}: choose another emoji with `labels emoji`.",
        "Slack 没有 {emoji} 的名字：请用 `labels emoji` 换一个表情。",
    ),
    "slack_emoji_missing": (
        "Slack has no emoji {emoji} here, so nobody can put it on a message. Choose one from Slack's own list of emoji:"
        " names that are translated, or that another client shows, don't work. `labels emoji` gives a label another.",
        "Slack 在这里没有名为 {emoji} 的表情，因此没有人能把它加到消息上。请从 Slack 的表情列表中选择："
        "翻译过的名字或其他客户端显示的名字无效。可用 `labels emoji` 更换标签的表情。",
    ),
    "slack_long": ("The text is longer than Slack allows.", "文字超过了 Slack 允许的长度。"),
    "slack_restricted": (
        "The workspace's settings keep apps from doing this: ask its admin.",
        "工作区设置不允许应用这样做：请联系管理员。",
    ),
    "slack_read_only": (
        "Only some people may write in that channel: ask its admin.",
        "该频道只有部分人可以发言：请联系管理员。",
    ),
    "slack_nobody": ("Slack knows nobody of that id.", "Slack 找不到这个用户。"),
    "slack_no_files": (
        "The workspace has file uploads switched off: ask its admin.",
        "工作区已关闭文件上传：请联系管理员。",
    ),
    "slack_revoked": (
        "Slack no longer takes this workspace's token ({code}): install the bot there again.",
        "Slack 不再接受该工作区的令牌（{code}）：请在那里重新安装机器人。",
    ),
    "slack_method_refused": (
        "Slack does not let the bot do this, although it takes its token.",
        "Slack 承认机器人的令牌，但不允许此操作。",
    ),
    "slack_uninvited": (
        "The bot is not in that channel ({code}): invite it with /invite @{bot}.",
        "机器人不在该频道（{code}）：请用 /invite @{bot} 邀请。",
    ),
    "slack_scope": (
        "The app lacks the scope {needed}: add it as docker/slack-manifest.yaml has it, and install it again.",
        "应用缺少权限 {needed}：请按 docker/slack-manifest.yaml 添加，并重新安装。",
    ),
    "slack_scope_unnamed": (
        "The app lacks a scope: give it all that docker/slack-manifest.yaml names, and install it again.",
        "应用缺少权限：请按 docker/slack-manifest.yaml 补全，并重新安装。",
    ),
    "slack_refused": ("Slack refused it ({code}).", "Slack 拒绝了（{code}）。"),
}
