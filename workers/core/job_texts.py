"""What people read about jobs, models and how they do, in English and 中文; part of the table in `texts`."""

from __future__ import annotations

JOB_TEXTS: dict[str, tuple[str, str]] = {
    "retrain_no_labels": (
        "Nothing to learn from yet: nobody has labelled a message. Put an emoji on a few messages first.",
        "还没有可学习的内容：没有任何标注。请先给一些消息加上表情。",
    ),
    "retrain_one_label": (
        "All labelled messages are “{name}”. It takes two labels with two messages each: label some others first.",
        "所有标注都是 “{name}”。至少需要两个标签、各两条消息：请再标注一些其他类别。",
    ),
    "retrain_too_few": (
        "It takes two labels with two messages each to train. Label a few more messages first.",
        "训练至少需要两个标签、各两条消息。请再标注一些。",
    ),
    "retrain_queued": (
        "Training is queued with {count} labelled messages.",
        "训练已排队，共 {count} 条标注。",
    ),
    "retrain_tuned": (
        " It takes the recipe that job {job} found; `retrain recipe=default` would not.",
        "将使用任务 {job} 找到的配方；`retrain recipe=default` 则不用。",
    ),
    "retrain_no_recipe": (
        "There is no tuned recipe yet. Type `tune 30` to look for one, or `retrain` without `recipe=`.",
        "还没有调好的配方。输入 `tune 30` 来寻找，或输入不带 `recipe=` 的 `retrain`。",
    ),
    "option_unknown": (
        "`{verb}` does not know “{text}”. Type `{verb} {arguments}`.",
        "`{verb}` 不认识 “{text}”。请输入 `{verb} {arguments}`。",
    ),
    "epochs_wrong": (
        "“{text}” is not a number of epochs. Type for example `retrain epochs=3`; 1 to {most} are possible.",
        "“{text}” 不是有效的轮数。请输入例如 `retrain epochs=3`，可为 1 到 {most}。",
    ),
    "backbone_unknown": (
        "There is no backbone “{name}”. It can be {known}, or a name on the Hugging Face hub with its owner, such as"
        " `intfloat/multilingual-e5-small`.",
        "没有 “{name}” 这个骨干模型。可选：{known}，或 Hugging Face 上带作者的名称，"
        "例如 `intfloat/multilingual-e5-small`。",
    ),
    "distill_queued": (
        "Distilling is queued: {student} learns from version {version} and {count} messages.",
        "蒸馏已排队：{student} 将从版本 {version} 和 {count} 条消息中学习。",
    ),
    "pretrain_queued": (
        "Pretraining is queued: {minutes} minutes on {count} messages.",
        "预训练已排队：{minutes} 分钟，共 {count} 条消息。",
    ),
    "pretrain_too_few": (
        "Pretraining takes at least {least} stored messages, labelled or not; here are {count} so far.",
        "预训练至少需要 {least} 条已存储的消息（无论是否标注），目前有 {count} 条。",
    ),
    "evaluate_queued": (
        "Measuring version {version} is queued, on the labelled messages that no training sees.",
        "版本 {version} 的评估已排队，使用从不参与训练的标注消息。",
    ),
    "evaluate_none": (
        "Nothing to measure on yet: about a fifth of the labelled messages is held out for that, and none is so far."
        " Label a few more.",
        "还无法评估：约五分之一的标注消息会留作评估，目前一条也没有。请再标注一些。",
    ),
    "tune_queued": (
        "Tuning is queued: {minutes} minutes of trials on {count} labelled messages.",
        "调参已排队：用 {count} 条标注试验 {minutes} 分钟。",
    ),
    "job_behind": (" It begins when job {job} is over.", "将在任务 {job} 结束后开始。"),
    "job_waiting": (
        "Job {job} is already {state}. Wait for it, or type `cancel`.",
        "任务 {job} 正在进行（{state}）。请等待，或输入 `cancel`。",
    ),
    "job_progress": ("{kind}, job {job}: {stage} {percent}%", "{kind}任务 {job}：{stage} {percent}%"),
    "cancel": ("Cancel", "取消"),
    "job_cancelling": ("Cancelling job {job} …", "正在取消任务 {job}…"),
    "job_cancelled": ("Job {job} was cancelled. Nothing changed.", "任务 {job} 已取消，未作任何更改。"),
    "job_worker_died": (
        "Its worker died {tries} times: look into the worker's log, then try again.",
        "执行它的 worker 已中断 {tries} 次：请查看 worker 日志后再试。",
    ),
    "job_folder_not_written": (
        "{folder} can't be written ({reason}): free some space there and type the command again.",
        "无法写入 {folder}（{reason}）：请腾出空间后重新输入命令。",
    ),
    "job_broke": (
        "{kind} inside Backchannel: the worker's log says where.",
        "Backchannel 内部错误 {kind}：具体位置见 worker 日志。",
    ),
    "job_program_ended": (
        "The training program ended with status {status}: {words}.",
        "训练程序以状态 {status} 结束：{words}。",
    ),
    "job_program_ended_silently": (
        "The training program ended with status {status}: it said nothing.",
        "训练程序以状态 {status} 结束，没有任何说明。",
    ),
    "job_too_few_labels": (
        "There are too few labelled messages to train on some and test on others: label a few more.",
        "标注太少，无法一部分用于训练、一部分用于测试：请再标注一些。",
    ),
    "job_base_gone": (
        "The files of the base {base} are gone from {folder}: type `pretrain` again.",
        "底座 {base} 的文件已不在 {folder}：请重新输入 `pretrain`。",
    ),
    "job_failed": ("Job {job} failed: {error}", "任务 {job} 失败：{error}"),
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
        "{emoji} {label} {percent}%, {spoken}; next: {other} {other_percent}%.",
        "{emoji} {label} {percent}%，{spoken}；其次：{other} {other_percent}%。",
    ),
    "explained_said": ("enough to say it (from {threshold}%)", "足以作答（{threshold}% 起）"),
    "explained_silent": ("too little to say it (from {threshold}%)", "不足以作答（{threshold}% 起）"),
    "explained_foreign": ("not said, for it seems to fit none of the labels", "不作答：似乎不属于任何标签"),
    "explained_for": ("For it: {words}.", "支持：{words}。"),
    "explained_against": ("Against it: {words}.", "反对：{words}。"),
    "explained_sum": (
        "All words together: {sum} of {difference}, in log-odds against {other}.",
        "全部词合计 {sum}，应为 {difference}（与{other}相比的对数几率）。",
    ),
    "explained_near": ("Nearest labelled here: {messages}", "本群最相近的标注：{messages}"),
    "explained_alt": ("Which words speak for {label}, and which against it.", "哪些词支持{label}，哪些反对。"),
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
    "base_line": (
        "Base {base} · {objective} · {texts} messages{gain}",
        "底座 {base} · {objective} · {texts} 条消息{gain}",
    ),
    "base_line_gain": (" · macro-F1 {difference}", " · macro-F1 {difference}"),
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
    "job_ended": ("Job {job} · {kind} · {state}{error}", "任务 {job} · {kind} · {state}{error}"),
    "job_line": (
        "Job {job} · {kind} · {state} · {stage} {percent}%",
        "任务 {job} · {kind} · {state} · {stage} {percent}%",
    ),
    "jobs_none": ("There are no jobs. `retrain` starts one.", "还没有任务。输入 `retrain` 开始训练。"),
    "cancel_none": ("No job is running.", "没有正在运行的任务。"),
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

KINDS: dict[str, tuple[str, str]] = {
    "train": ("Training", "训练"),
    "pretrain": ("Pretraining", "预训练"),
    "distil": ("Distilling", "蒸馏"),
    "evaluate": ("Measuring", "评估"),
    "tune": ("Tuning", "调参"),
}
"""What each kind of job is called."""

STAGES: dict[str, str] = {
    "starting": "启动",
    "loading": "加载模型",
    "encoding": "读取文本",
    "head": "训练分类头",
    "cross-validation": "交叉验证",
    "fine-tuning": "微调",
    "evaluating": "评估",
    "comparing": "比较",
    "intervals": "计算区间",
    "pretraining": "预训练",
    "distilling": "蒸馏",
    "asking the teacher": "询问教师",
    "student": "构建学生",
    "out of scope": "范围之外",
    "trial": "试验",
    "saving": "保存",
    "queued": "排队中",
    "running": "运行中",
    "done": "完成",
    "failed": "失败",
    "cancelled": "已取消",
}
