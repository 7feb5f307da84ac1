"""What came of a job (figures before and after, why a version took over), model versions and named backbones."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "job_promoted": (
        "Version {version} ({method}) took over: {scores}. {reason}",
        "版本 {version}（{method}）已启用：{scores}。{reason}",
    ),
    "job_kept": (
        "Version {version} ({method}) is ready but was not promoted: {scores}. {reason}"
        " `promote {version}` takes it anyway.",
        "版本 {version}（{method}）已就绪但未启用：{scores}。{reason} 输入 `promote {version}` 可强制启用。",
    ),
    "job_same": (
        "Version {version} ({method}) is ready: {scores}. {reason} It has the backbone that is at work already, and the"
        " head learns from every reaction anyway, so nothing changes.",
        "版本 {version}（{method}）已就绪：{scores}。{reason}它与当前版本使用同一个骨干模型，"
        "而分类头本来就随每次标注更新，因此不作更改。",
    ),
    "reason_not_better": (
        "Fine-tuning did not beat the frozen backbone in cross-validation.",
        "交叉验证中，微调没有胜过冻结的骨干模型。",
    ),
    "reason_too_few": (
        "There are too few messages for {method}: label some more.",
        "消息太少，无法进行 {method} 训练：请再标注一些。",
    ),
    "reason_frozen": ("Nothing was fine-tuned, as you asked.", "按要求未作微调。"),
    "reason_moved": (
        "Another version took over while it trained, so the comparison says nothing about that one.",
        "训练期间已有其他版本启用，因此这次比较不适用于它。",
    ),
    "reason_gate": (
        "macro-F1 {difference} points ({low} to {high}) on {messages} messages.",
        "macro-F1 变化 {difference} 个百分点（{low} 至 {high}），共 {messages} 条消息。",
    ),
    "scores": ("accuracy {accuracy}, macro-F1 {macro_f1}", "准确率 {accuracy}，macro-F1 {macro_f1}"),
    "scores_against": (
        "accuracy {accuracy} (before: {accuracy_before}), macro-F1 {macro_f1} (before: {macro_f1_before})",
        "准确率 {accuracy}（之前 {accuracy_before}），macro-F1 {macro_f1}（之前 {macro_f1_before}）",
    ),
    "student_keeps": (
        "It keeps {kept} of its teacher's accuracy at {times} times the speed and {size} of the size:",
        "它保留了教师 {kept} 的准确率，速度是其 {times} 倍，大小是其 {size}：",
    ),
    "student_unmeasured": ("Beside its teacher:", "与教师相比："),
    "table_accuracy": ("accuracy", "准确率"),
    "table_macro_f1": ("macro-F1", "macro-F1"),
    "table_messages_per_second": ("messages/s", "条/秒"),
    "table_megabytes": ("MB", "MB"),
    "table_teacher": ("teacher", "教师"),
    "table_student": ("student", "学生"),
    "evaluated": (
        "Version {version} ({method}) on {messages} messages that it never learned from: accuracy {accuracy}, macro-F1"
        " {macro_f1}, calibration error {ece}, {speed} messages/s.",
        "版本 {version}（{method}）在 {messages} 条从未学习过的消息上：准确率 {accuracy}，macro-F1 {macro_f1}，"
        "校准误差 {ece}，每秒 {speed} 条。",
    ),
    "evaluated_weakest": ("Weakest: {labels} (F1).", "最弱的标签：{labels}（F1）。"),
    "evaluated_afresh": (
        "Labels have come or gone since it was trained, so its head was fitted anew.",
        "训练之后标签有变动，因此重新拟合了分类头。",
    ),
    "evaluated_picture": (
        "What version {version} takes for what, how sure it is, and how often right. The numbers: {numbers}.",
        "版本 {version} 的混淆情况、把握与正确率。编号：{numbers}。",
    ),
    "base_ready": (
        "Base {base} is ready: it has read {texts} messages ({objective}), its loss went from {first} to {last}.",
        "底座 {base} 已就绪：读过 {texts} 条消息（{objective}），损失从 {first} 到 {last}。",
    ),
    "base_gain": (
        "For telling labels apart it gained {difference} points of macro-F1 ({low} to {high}), from {before} to"
        " {after} in cross-validation.",
        "交叉验证中 macro-F1 提高了 {difference} 个百分点（{low} 至 {high}），从 {before} 到 {after}。",
    ),
    "base_loss": (
        "For telling labels apart it is worse: {difference} points of macro-F1 ({low} to {high}), from {before} to"
        " {after} in cross-validation.",
        "交叉验证中 macro-F1 变差：{difference} 个百分点（{low} 至 {high}），从 {before} 到 {after}。",
    ),
    "base_no_gain": (
        "For telling labels apart there is no gain that could be told from chance: {difference} points of macro-F1"
        " ({low} to {high}), from {before} to {after} in cross-validation.",
        "交叉验证中看不出超出偶然的提高："
        "macro-F1 变化 {difference} 个百分点（{low} 至 {high}），从 {before} 到 {after}。",
    ),
    "base_unmeasured": (
        "What it gains is not known: there are too few labelled messages to measure it.",
        "标注太少，无法衡量效果。",
    ),
    "base_use": ("`retrain backbone={base}` begins with it.", "输入 `retrain backbone={base}` 以它为起点。"),
    "base_curve": ("The loss of {base} by steps.", "{base} 的损失曲线。"),
    "tuned_better": (
        "The best recipe of {trials} trials ({pruned} stopped early) has a macro-F1 of {best} in cross-validation, the"
        " default {default}: {settings}. The next `retrain` takes it.",
        "{trials} 次试验（{pruned} 次提前停止）中最好的配方：交叉验证 macro-F1 {best}，默认配方 {default}：{settings}。"
        "下一次 `retrain` 将使用它。",
    ),
    "tuned_same": (
        "Nothing of {trials} trials ({pruned} stopped early) did better than the default recipe, which has a macro-F1"
        " of {default} in cross-validation (best: {best}; {settings}). `retrain` goes on with the default.",
        "{trials} 次试验（{pruned} 次提前停止）都没有胜过默认配方"
        "（交叉验证 macro-F1 {default}；最好：{best}；{settings}）。"
        "`retrain` 继续使用默认配方。",
    ),
    "version_none": (
        "There is no model version yet; start `backchannel up` once to make the first one.",
        "还没有模型版本：请先运行一次 `backchannel up`。",
    ),
    "base_line": (
        "Base {base} · {objective}{gain}",
        "底座 {base} · {objective}{gain}",
    ),
    "base_line_gain": (" · macro-F1 {difference}", " · macro-F1 {difference}"),
    "version_speed": (" · {speed} messages/s · {megabytes} MB", " · 每秒 {speed} 条 · {megabytes} MB"),
    "reader_int8": (" · read by ONNX Runtime, 8 bits", " · 由 ONNX Runtime 读取（8 位）"),
    "reader_fp32": (" · read by ONNX Runtime, 32 bits", " · 由 ONNX Runtime 读取（32 位）"),
    "reader_torch": (" · read by torch: {reason}", " · 由 torch 读取：{reason}"),
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
    "version_reading": (
        "Version {version} is reading the labelled messages before it takes over: {percent}%.",
        "版本 {version} 启用前正在读取已标注的消息：{percent}%。",
    ),
    "base_offered": (
        "Version {version} is the backbone {backbone}, which nobody has taken yet. `promote {version}` takes it; while"
        " it reads the labelled messages, version {active} goes on answering.",
        "版本 {version} 是尚未启用过的骨干模型 {backbone}。输入 `promote {version}` 即可启用；"
        "它读取已标注消息期间，仍由版本 {active} 作答。",
    ),
    "promoted_reads": (
        "Version {version} takes over as soon as it has read the {messages} labelled messages; until then version"
        " {before} answers, and `models` says how far it is.",
        "版本 {version} 读完 {messages} 条已标注消息后即启用；在此之前由版本 {before} 作答，输入 `models` 可查看进度。",
    ),
    "promoted": ("Version {version} takes over.", "已启用版本 {version}。"),
    "rolled_back": ("Back to version {version}.", "已回到版本 {version}。"),
    "rollback_none": ("There is no version before this one.", "没有更早的版本。"),
}
