"""Model versions and named backbones."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "version_none": (
        "There is no model version yet; start `backchannel up` once to make the first one.",
        "还没有模型版本：请先运行一次 `backchannel up`。",
    ),
    "base_line": (
        "Base {base} · {objective} · {texts} messages{gain}",
        "底座 {base} · {objective} · {texts} 条消息{gain}",
    ),
    "base_line_gain": (" · macro-F1 {difference}", " · macro-F1 {difference}"),
    "version_speed": (" · {speed} messages/s · {megabytes} MB", " · 每秒 {speed} 条 · {megabytes} MB"),
    "version_line": ("Version {version} · {state} · {method} {scores}", "版本 {version} · {state} · {method} {scores}"),
    "version_unknown": (
        "There is no version “{version}”. Type `models` to see them.",
        "没有版本 “{version}”。输入 `models` 查看全部版本。",
    ),
    "version_active": ("Version {version} is active already.", "版本 {version} 已在使用。"),
    "version_broken": (
        "Version {version} can't be used, and the active one stays: {error}",
        "版本 {version} 无法使用，仍保持当前版本：{error}",
    ),
    "promoted": ("Version {version} takes over.", "已启用版本 {version}。"),
    "rolled_back": ("Back to version {version}.", "已回到版本 {version}。"),
    "rollback_none": ("There is no version before this one.", "没有更早的版本。"),
}
