"""A chat itself: switched on and off, who may, are you sure, statistics, forgetting; and Slack's screens."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "not_here": (
        "Backchannel is off in this chat: nothing is stored. An admin can type `here` to switch it on.",
        "本群尚未启用 Backchannel，不会存储任何内容。管理员输入 `here` 即可启用。",
    ),
    "unknown_verb": (
        "There is no verb “{verb}”. {near}Type `help` to see what there is.",
        "没有 “{verb}” 这个命令。{near}输入 `help` 查看全部命令。",
    ),
    "did_you_mean": ("Did you mean `{verb}`? ", "您是想输入 `{verb}` 吗？"),
    "introduction": (
        "Hello, I am Backchannel. I can say what kind each message here is, and I learn from the emoji that people put"
        " on them. Until an admin types `here` I read nothing and store nothing. `help` lists what I understand. ",
        "大家好，我是 Backchannel：我会判断每条消息属于哪一类，并从大家添加的表情中学习。"
        "在管理员输入 `here` 之前，我不读取也不存储任何内容。输入 `help` 查看全部命令。",
    ),
    "present_on": (
        "Hello, I am Backchannel, and an admin has switched me on here: from now on I read this chat, say what kind"
        " each message is, and learn from your emoji. `leave` switches me off, `help` lists what I understand. ",
        "大家好，我是 Backchannel，管理员已在这里启用我：从现在起我会阅读本群消息、判断类别，并从大家的表情中学习。"
        "输入 `leave` 可停用，输入 `help` 查看全部命令。",
    ),
    "present_off": (
        "I am back, and off: until an admin types `here` I read nothing and store nothing. What was stored before is"
        " kept; `forget @person` deletes it. ",
        "我回来了，但尚未启用：在管理员输入 `here` 之前，我不读取也不存储任何内容。"
        "以前存储的内容仍在；`forget @某人` 可删除。",
    ),
    "blind_to_reactions": (
        "I can't see reactions here: make me an administrator of this chat, so that I can learn from them.",
        "我在这里看不到表情回应：请把我设为管理员，我才能从中学习。",
    ),
    "sees_reactions": ("Now I see your reactions, and learn from them.", "现在我能看到大家的表情回应，并从中学习。"),
    "bots_on": ("From now on I also read what other programs write here.", "从现在起，我也会读取其他机器人的消息。"),
    "bots_off": ("What other programs write here is left out.", "不再读取其他机器人的消息。"),
    "admins_only_anonymous": (
        "You write in the name of a chat, so I can't tell who you are, and `{verb}` is for admins. Turn off"
        " “Remain anonymous” for yourself, or write as yourself.",
        "您以群组身份发言，我无法识别您是谁，而 `{verb}` 只有管理员可以使用。请关闭“匿名”后再试。",
    ),
    "admins_only_guest": (
        "`{verb}` is for admins of this workspace, and you are a guest here. Ask one of them.",
        "`{verb}` 只有本工作区的管理员可以使用，您是访客。请联系管理员。",
    ),
    "admins_only_named_only": (
        "Anybody can add me to a chat, so only people who are named in BACKCHANNEL_ADMINS switch me on."
        " You are `{me}`: add that there, and type `{verb}` again.",
        "任何人都可以把我拉进群，因此只有 BACKCHANNEL_ADMINS 中列出的人才能启用我。"
        "您的编号是 `{me}`：请加入该设置后再输入 `{verb}`。",
    ),
    "accuracy_chart": (
        "Right answers, over {labels} labelled messages: from {first} to {last}.",
        "{labels} 条标注中的准确率：从 {first} 到 {last}。",
    ),
    "admins_only": (
        "`{verb}` is for admins of this chat. Ask one of them, or be added to BACKCHANNEL_ADMINS.",
        "`{verb}` 只有管理员可以使用。请联系管理员，或加入 BACKCHANNEL_ADMINS。",
    ),
    "here": (
        "Backchannel is on. From now on it reads this chat, says what kind each message is, and learns from your emoji."
        " `leave` switches it off.",
        "已启用 Backchannel：从现在起它会阅读本群消息、判断类别，并从大家的表情中学习。输入 `leave` 可停用。",
    ),
    "here_labels": (
        " Next: give it labels, such as `labels add bug 🐞 something is broken`.",
        "下一步：添加标签，例如 `labels add 故障 🐞 有东西坏了`。",
    ),
    "left": (
        "Backchannel is off here. What was stored is kept; `forget @person` deletes it.",
        "已停用。已存储的内容会保留；`forget @某人` 可删除。",
    ),
    "mode_shadow": ("Shadow: I watch and learn, and stay silent.", "观察模式：只看、只学，不出声。"),
    "mode_suggest": ("Suggest: I put an emoji on messages that I am sure about.", "建议模式：有把握时给消息加上表情。"),
    "mode_unknown": (
        "There is no mode “{mode}”. Type `mode shadow` or `mode suggest`.",
        "没有 “{mode}” 模式。请输入 `mode shadow` 或 `mode suggest`。",
    ),
    "usage": ("Type `{verb} {arguments}`: {help}.", "请输入 `{verb} {arguments}`：{help}。"),
    "number": (
        "“{text}” is not a number from 1 to {most}. Type for example `{verb} 3`.",
        "“{text}” 不是 1 到 {most} 的数字。请输入例如 `{verb} 3`。",
    ),
    "stats": (
        "In this chat: {messages} messages, {labelled} labelled, {disputed} disputed. {accuracy}{coverage} "
        "Active: version {version} ({method}).",
        "本群共 {messages} 条消息，{labelled} 条已标注，{disputed} 条有争议。{accuracy}{coverage}"
        "当前版本：{version}（{method}）。",
    ),
    "stats_accuracy": (
        "Right in {percent}% of the latest {count} that people labelled. ",
        "最近 {count} 条人工标注中答对 {percent}%。",
    ),
    "coverage": (
        "Speaks about {coverage} of messages, right {precision} of the time.",
        "对 {coverage} 的消息给出标签，其中 {precision} 正确。",
    ),
    "coverage_alone": (
        "Speaks about {coverage} of messages; how often that is right is not known yet.",
        "对 {coverage} 的消息给出标签，正确率尚不清楚。",
    ),
    "coverage_unknown": (
        "How often it speaks is not known yet.",
        "给出标签的比例尚不清楚。",
    ),
    "exported": (
        "The labelled messages of the chat in which you asked: {count}. Nobody else was given this file.",
        "您所在群的已标注消息，共 {count} 条。该文件只发给了您。",
    ),
    "exported_all": (
        "The labelled messages of all chats: {count}. Nobody else was given this file.",
        "所有群的已标注消息，共 {count} 条。该文件只发给了您。",
    ),
    "exported_privately": ("The file is yours alone: you get it in private.", "文件只发给您本人，请查看私聊。"),
    "export_none": (
        "There is nothing to export: nobody has labelled a message in this chat.",
        "没有可导出的内容：本群还没有标注。",
    ),
    "export_none_at_all": (
        "There is nothing to export: nobody has labelled a message in any chat.",
        "没有可导出的内容：任何群都还没有标注。",
    ),
    "operators_only": (
        "`{verb}` concerns all chats, so it is for the people who run this bot, and you are not one of them. Ask them.",
        "`{verb}` 涉及所有群，只有运营本机器人的人可以使用。请联系他们。",
    ),
    "forget_unknown": (
        "Nobody in this chat is called “{name}”. Write the name as it stands beside their messages.",
        "本群没有 “{name}”。请按消息旁显示的名字填写。",
    ),
    "forget_username": (
        "I know nobody here as “{name}”. A username is known to me only once whoever has it has written or reacted here"
        " since I was started: write the name as it stands beside their messages, or the id.",
        "我在这里不认识 “{name}”。只有在我启动之后发过言或回应过的人，我才知道其用户名。请填写消息旁显示的名字或编号。",
    ),
    "forget_several": (
        "“{name}” could be {people}. Type `forget` with the id.",
        "“{name}” 可能是 {people}。请用 id 输入 `forget`。",
    ),
    "forgotten": (
        "Forgotten: all that they wrote (messages: {count}) and all that they labelled.",
        "已删除：此人的 {count} 条消息及其全部标注。",
    ),
    "sure_export all": (
        "Hand you the labelled texts of all chats, private ones too?",
        "确定导出所有群（包括私密群）的标注文本？",
    ),
    "sure_leave": ("Switch Backchannel off in this chat?", "确定在本群停用 Backchannel？"),
    "sure_labels merge": ("Merge {arguments}? This can't be undone.", "合并 {arguments}？此操作无法撤销。"),
    "sure_labels remove": ("Remove the label {arguments}?", "删除标签 {arguments}？"),
    "sure_forget": (
        "Delete everything that {arguments} wrote or labelled? This can't be undone.",
        "删除 {arguments} 的全部消息和标注？此操作无法撤销。",
    ),
    "asked_by": (" (Asked for by {name}.)", "（由 {name} 要求）"),
    "done": ("Done.", "已完成。"),
    "yes": ("Yes", "确定"),
    "no": ("No", "取消"),
    "not_done": ("Left as it was.", "未作更改。"),
    "not_yours": (
        "{name} was asked, so only {name} can answer that.",
        "这个确认是发给 {name} 的，只有 {name} 可以回答。",
    ),
    "too_late": ("That question has expired. Type the command again.", "确认已过期，请重新输入命令。"),
    "failed_inside": (
        "That did not work, and nothing was changed. The log of the worker says why.",
        "操作未成功，未作任何更改。原因见 worker 日志。",
    ),
    "slack_label_this": ("Label this…", "标注这条消息…"),
    "slack_label_mine": (
        "I wrote that message myself, so its kind teaches me nothing. Label what people write.",
        "这条消息是我自己发的，标注它学不到东西。请标注大家的消息。",
    ),
    "slack_label": ("Label", "标签"),
    "slack_choose": ("Choose a label", "选择标签"),
    "slack_save": ("Save", "保存"),
    "slack_cancel": ("Cancel", "取消"),
    "slack_labels": ("Labels", "标签"),
    "slack_accuracy": ("Right, of the latest {count} that people labelled", "最近 {count} 条人工标注的准确率"),
    "slack_versions": ("Model versions", "模型版本"),
    "slack_jobs": ("Jobs", "任务"),
    "slack_counts": (
        "{messages} messages, {labelled} labelled, {disputed} disputed",
        "{messages} 条消息，{labelled} 条已标注，{disputed} 条有争议",
    ),
    "slack_figures": ("`stats` in a channel says how it stands there.", "在频道中输入 `stats` 可查看该频道的情况。"),
    "slack_retrain": ("Retrain", "重新训练"),
    "slack_rollback": ("Roll back", "回滚"),
}
