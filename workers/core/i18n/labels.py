"""The set of labels, one message's label, questions about it, `classify`, and why it got its label."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "message_unseen": (
        "I never saw that message's text: it is from before I was here, or was left out. So I can't learn from it.",
        "我没有见过那条消息的内容（可能早于我加入，或未被读取），因此无法从中学习。",
    ),
    "message_deleted": ("That message was deleted, so there is nothing to label.", "那条消息已被删除，无需标注。"),
    "label_gone": (
        "That label was removed meanwhile; here are those that there are now.",
        "该标签已被删除，以下是现有标签。",
    ),
    "agreed": ("{label}, says {name}.", "{name} 认为是 {label}。"),
    "no_labels": (
        "There are no labels yet. Add two or more, such as `labels add bug 🐞 something is broken`.",
        "还没有标签。请先添加至少两个，例如 `labels add 故障 🐞 有东西坏了`。",
    ),
    "label_line": ("{emoji} {name}{given}{description}", "{emoji} {name}{given}{description}"),
    "label_added": (
        "Added {emoji} {name}. Put {emoji} on a message to teach me.",
        "已添加 {emoji} {name}。给消息加上 {emoji} 就能教会我。",
    ),
    "label_renamed": ("“{old}” is now “{new}”.", "“{old}” 已改名为 “{new}”。"),
    "label_merged": ("“{old}” was merged into “{new}”.", "“{old}” 已并入 “{new}”。"),
    "label_removed": (
        "“{name}” is removed; its messages are unlabelled again.",
        "已删除 “{name}”，相关消息恢复为未标注。",
    ),
    "label_emoji": ("{name} is now {emoji}.", "{name} 的表情现在是 {emoji}。"),
    "label_unknown": (
        "There is no label “{name}”. The labels are: {names}.",
        "没有 “{name}” 这个标签。现有标签：{names}。",
    ),
    "label_same": (
        "That is one and the same label. Name two different ones.",
        "这是同一个标签，请给出两个不同的标签。",
    ),
    "label_missing": (
        "The label “{name}” was removed or merged meanwhile. Choose one that is still there.",
        "标签 “{name}” 已被删除或合并，请选择现有的标签。",
    ),
    "label_name_taken": (
        "There is already a label “{name}”. Choose another name.",
        "已有名为 “{name}” 的标签，请换一个名字。",
    ),
    "label_emoji_taken": (
        "{emoji} already stands for “{name}”. Choose another emoji.",
        "{emoji} 已用于 “{name}”，请换一个表情。",
    ),
    "label_name_too_long": (
        "A label's name has at most {most} characters, this one has {length}. Choose a shorter one.",
        "标签名最多 {most} 个字符，现在有 {length} 个，请缩短。",
    ),
    "label_name_empty": (
        "A label needs a name. Type `labels add <name> [emoji] [description]`, with quotes around a name that has an"
        " emoji in it.",
        "标签需要名字。请输入 `labels add <名字> [表情] [说明]`；名字里有表情时请加引号。",
    ),
    "label_name_reserved": (
        "“{name}” means something else where people choose a label. Choose another name.",
        "选择标签时，“{name}” 另有含义，请换一个名字。",
    ),
    "label_name_emoji": (
        "{emoji} alone would be read as an emoji, not as a name. Type a name in words, and the emoji after it.",
        "单独的 {emoji} 会被当作表情而不是名字。请用文字命名标签，并把表情放在后面。",
    ),
    "label_name_control": (
        "A label's name is one line of plain text. Take out the line breaks and control characters.",
        "标签名必须是一行普通文字，请去掉换行和控制字符。",
    ),
    "not_emoji": (
        "“{text}” is not an emoji. Type `labels emoji <name> <emoji>` with one emoji at the end.",
        "“{text}” 不是表情。请输入 `labels emoji <名字> <表情>`，末尾放一个表情。",
    ),
    "classify_empty": (
        "There is no text to classify. Type `classify` and a sentence.",
        "没有可判断的文字。请输入 `classify` 加一句话。",
    ),
    "classify_none": (
        "I can't classify yet: it takes two labels. Type `labels add <name>`.",
        "还不能判断：至少需要两个标签。请输入 `labels add <名字>`。",
    ),
    "classify_line": ("{label} {percent}%", "{label} {percent}%"),
    "guess": ("A guess from the labels' names, before anyone has labelled:", "尚无标注，仅根据标签名猜测："),
    "classified": ("That reads like:", "看起来像是："),
    "label_needs_reply": (
        "`label` needs a message: send it as a reply to the one you mean.",
        "`label` 需要指定消息：请回复那条消息再输入。",
    ),
    "labelled": ("Noted: {emoji} {name}.", "已记录：{emoji} {name}。"),
    "labelled_none": ("Noted: none of the labels fits.", "已记录：没有合适的标签。"),
    "ask_nothing": (
        "There is nothing to ask: every stored message of this chat was labelled or asked about.",
        "没有可问的：本群存储的消息都已标注或询问过。",
    ),
    "strategy_unknown": (
        "There is no strategy “{text}”. Type for example `ask 3 strategy=margin`; there are {known}.",
        "没有 “{text}” 这种策略。请输入例如 `ask 3 strategy=margin`；可选：{known}。",
    ),
    "ask_question": ("What kind is this, by {author}? “{text}”", "{author} 的这条消息属于哪一类？“{text}”"),
    "ask_none": ("None of these", "都不是"),
    "ask_skip": ("Skip", "跳过"),
    "ask_answered": ("“{text}” is {label}, says {name}.", "“{text}”：{name} 认为是 {label}。"),
    "ask_answered_none": ("“{text}” fits none of the labels, says {name}.", "“{text}”：{name} 认为都不合适。"),
    "ask_skipped": ("“{text}” was skipped by {name}.", "“{text}”：{name} 跳过了。"),
    "ask_closed": ("That question was answered already.", "这个问题已经有人回答了。"),
    "explain_needs_reply": (
        "`explain` needs a message: send it as a reply to the one you mean, or type `explain` and a text.",
        "`explain` 需要指定消息：请回复那条消息再输入，或输入 `explain` 加一段文字。",
    ),
    "explain_unseen": (
        "I never saw that message's text: it is from before I was here, or was left out. So I can't explain it.",
        "我没有见过那条消息的内容（可能早于我加入，或未被读取），因此无法解释。",
    ),
    "explain_deleted": ("That message was deleted, so there is nothing to explain.", "那条消息已被删除，无需解释。"),
    "explained": (
        "{label} {percent}%, {spoken}; next: {other} {other_percent}%.",
        "{label} {percent}%，{spoken}；其次：{other} {other_percent}%。",
    ),
    "explained_said": ("enough to say it (from {threshold}%)", "足以作答（{threshold}% 起）"),
    "explained_silent": ("too little to say it (from {threshold}%)", "不足以作答（{threshold}% 起）"),
    "explained_out_of_scope": ("not said, for it seems to fit none of the labels", "不作答：似乎不属于任何标签"),
    "explained_for": ("For it: {words}.", "支持：{words}。"),
    "explained_against": ("Against it: {words}.", "反对：{words}。"),
    "explained_sum": (
        "All words together: {sum} of {difference}, in log-odds against {other}.",
        "全部词合计 {sum}，应为 {difference}（与{other}相比的对数几率）。",
    ),
    "explained_near": ("Nearest labelled here: {messages}", "本群最相近的标注：{messages}"),
    "explained_alt": ("Which words speak for {label}, and which against it.", "哪些词支持{label}，哪些反对。"),
}
