"""Sentences of the command line that belong to no room."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "stopped": (
        "Stopped; the same command continues from the last checkpoint.",
        "已停止；用同一命令可从最近的检查点继续。",
    ),
    "out_of_memory": (
        "There is not enough memory for this backbone: choose a smaller one.",
        "内存不足以运行此骨干模型：请选择较小的。",
    ),
    "unforeseen": (
        "Something unforeseen went wrong ({kind}: {reason}): please report it with the command that you ran.",
        "发生了意料之外的错误（{kind}：{reason}）：请连同所运行的命令一起报告。",
    ),
    "fetching": (
        "Fetching {name}: {size:bytes}, {licence} licence.",
        "正在下载 {name}：{size:bytes}，许可证 {licence}。",
    ),
    "fetching_without_licence": (
        "Fetching {name}: {size:bytes}, no stated licence.",
        "正在下载 {name}：{size:bytes}，未注明许可证。",
    ),
    "stdin_not_read": (
        "Standard input cannot be read ({reason}): give the message itself.",
        "无法读取标准输入（{reason}）：请直接给出消息。",
    ),
}
