"""Jobs while they are asked for, wait, run and fail; their kinds and stages."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
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
    "retrain_queued": ("Training is queued with {count} labelled messages.", "训练已排队，共 {count} 条标注。"),
    "retrain_tuned": (
        " It takes the recipe that job {job} found; `retrain recipe=default` would not.",
        "将使用任务 {job} 找到的配方；`retrain recipe=default` 则不用。",
    ),
    "retrain_first": (
        "{count} labels now: I am training by myself for the first time.",
        "现在有 {count} 条标注：我开始自行训练（首次）。",
    ),
    "retrain_grown": (
        "{count} labels now, at least twice as many as at the last training ({before}): I am training again by myself.",
        "现在有 {count} 条标注，至少是上次训练时（{before} 条）的两倍：我再次自行训练。",
    ),
    "retrain_auto_hint": ("`retrain auto off` switches that off.", "输入 `retrain auto off` 可关闭自动训练。"),
    "retrain_auto_on": (
        "From now on I train by myself when the labels have doubled: first at {fewest}, and never more than once an"
        " hour.",
        "从现在起，标注数量翻倍时我会自行训练：首次在 {fewest} 条时，且每小时最多一次。",
    ),
    "retrain_auto_off": (
        "From now on I only train when somebody types `retrain`.",
        "从现在起，只有输入 `retrain` 时我才训练。",
    ),
    "retrain_auto_is_on": (
        "I train by myself at {next} labels; there are {labelled} now. `retrain auto off` switches that off.",
        "标注达到 {next} 条时我会自行训练；现在有 {labelled} 条。输入 `retrain auto off` 可关闭。",
    ),
    "retrain_auto_is_off": (
        "I only train when somebody types `retrain`; `retrain auto on` changes that.",
        "只有输入 `retrain` 时我才训练；输入 `retrain auto on` 可更改。",
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
    "job_not_over": (
        "Job {job} is not over yet. Wait for it, or type `cancel`.",
        "任务 {job} 尚未结束。请等待，或输入 `cancel`。",
    ),
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
    "job_ended": ("Job {job} · {kind} · {state}{error}", "任务 {job} · {kind} · {state}{error}"),
    "job_line": (
        "Job {job} · {kind} · {state} · {stage} {percent}%",
        "任务 {job} · {kind} · {state} · {stage} {percent}%",
    ),
    "jobs_none": ("There are no jobs. `retrain` starts one.", "还没有任务。输入 `retrain` 开始训练。"),
    "cancel_none": ("No job is running.", "没有正在运行的任务。"),
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
