"""Why a message got its label."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
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
