"""The few words of our own surfaces in Slack, the modal and the App Home, in English and 中文."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "label_this": ("Label this…", "标注这条消息…"),
    "label": ("Label", "标签"),
    "choose": ("Choose a label", "选择标签"),
    "save": ("Save", "保存"),
    "cancel": ("Cancel", "取消"),
    "labels": ("Labels", "标签"),
    "accuracy": ("Right, of the latest {count} that people labelled", "最近 {count} 条人工标注的准确率"),
    "versions": ("Model versions", "模型版本"),
    "jobs": ("Jobs", "任务"),
    "counts": (
        "{messages} messages, {labelled} labelled, {disputed} disputed",
        "{messages} 条消息，{labelled} 条已标注，{disputed} 条有争议",
    ),
    "retrain": ("Retrain", "重新训练"),
    "rollback": ("Roll back", "回滚"),
    "invite": (
        "I can't write in that channel. Invite me there with `/invite @{bot}`.",
        "我无法在该频道发言。请用 `/invite @{bot}` 邀请我。",
    ),
}


def word(language: str, key: str, **values: object) -> str:
    """The words named `key` in a language, with their blanks filled."""
    return WORDS[key][1 if language == "zh" else 0].format(**values)
