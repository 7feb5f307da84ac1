"""What only Slack's own screens say: the modal and the App Home."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "slack_label_this": ("Label this…", "标注这条消息…"),
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
    "slack_retrain": ("Retrain", "重新训练"),
    "slack_rollback": ("Roll back", "回滚"),
    "slack_invite": (
        "I can't write in that channel. Invite me there with `/invite @{bot}`.",
        "我无法在该频道发言。请用 `/invite @{bot}` 邀请我。",
    ),
}
