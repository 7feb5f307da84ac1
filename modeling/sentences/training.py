"""Sentences about training: recipes, the folder of a run, memory, which method was chosen and why, and the search."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "recipe_wrong": (
        "The recipe {path} is wrong at {position} ({reason}): correct it.",
        "配方 {path} 的 {position} 处有误（{reason}）：请改正。",
    ),
    "recipe_wrong_form": (
        "The recipe {path} is wrong at its form ({reason}): correct it.",
        "配方 {path} 的格式有误（{reason}）：请改正。",
    ),
    "recipe_unparsable": (
        "The recipe {path} cannot be parsed ({reason}): correct it.",
        "无法解析配方 {path}（{reason}）：请改正。",
    ),
    "method_needs_transformer": (
        "The method {method} needs a transformer: use --method full for {backbone}.",
        "方法 {method} 需要 transformer：对 {backbone} 请使用 --method full。",
    ),
    "method_needs_bitsandbytes": (
        "--method {method} needs bitsandbytes: install backchannel[gpu], or use --method lora or full.",
        "--method {method} 需要 bitsandbytes：请安装 backchannel[gpu]，或使用 --method lora 或 full。",
    ),
    "no_layers_for_adapters": (
        "The backbone {name:quoted} has no layers that adapters fit on: use --method full.",
        "骨干模型 {name:quoted} 没有可加适配器的层：请使用 --method full。",
    ),
    "too_little_memory_to_tune": (
        "There is not enough memory to fine-tune with batches of {batch}: set batch = {smaller}, accumulation = "
        "{accumulation} and gradient_checkpointing = true under [{method}] in the recipe, set fewer tokens, or "
        "{other}.",
        "内存不足以按批大小 {batch} 微调：请在配方的 [{method}] 下设置 batch = {smaller}、accumulation = "
        "{accumulation} 和 gradient_checkpointing = true，减少 token 数，或{other}。",
    ),
    "use_method": ("use --method {method}", "使用 --method {method}"),
    "use_smaller_backbone": ("choose a smaller backbone", "选择较小的骨干模型"),
    "loss_not_finite": (
        "The loss is no longer a number at step {step} of {steps} (the last good checkpoint is {checkpoint}): set a "
        "learning_rate below {rate:g} in the recipe and start again.",
        "第 {step} 步（共 {steps} 步）的损失不再是有限数值（最近的有效检查点是 {checkpoint}）：请在配方中设置低于 "
        "{rate:g} 的 learning_rate，然后重新开始。",
    ),
    "loss_not_finite_at_once": (
        "The loss is no longer a number at step {step} of {steps} (no checkpoint had been saved yet): set a "
        "learning_rate below {rate:g} in the recipe and start again.",
        "第 {step} 步（共 {steps} 步）的损失不再是有限数值（尚未保存检查点）：请在配方中设置低于 {rate:g} 的 "
        "learning_rate，然后重新开始。",
    ),
    "folder_of_other_run": (
        "{folder} holds what came of other data or settings: choose another --out.",
        "{folder} 中是其他数据或设置的结果：请换一个 --out。",
    ),
    "folder_in_use": (
        "Another process is training in {folder}: wait for it or choose another --out.",
        "另一个进程正在 {folder} 中训练：请等待，或换一个 --out。",
    ),
    "folder_not_written": (
        "{folder} cannot be written to ({reason}): choose another --out.",
        "无法写入 {folder}（{reason}）：请换一个 --out。",
    ),
    "disk_full": (
        "The disk of {folder} is full: free some space and start again, what is finished is kept.",
        "{folder} 所在磁盘已满：请腾出空间后重新开始，已完成的部分会保留。",
    ),
    "bundle_predicts_otherwise": (
        "The bundle {folder} predicts otherwise than the model that was trained: do not use it, and run the command "
        "again with another --out.",
        "模型包 {folder} 的预测与训练出的模型不同：请勿使用，并换一个 --out 重新运行。",
    ),
    "frozen_asked_for": ("The frozen backbone was asked for.", "按要求使用冻结的骨干模型。"),
    "frozen_for_few": (
        "{messages} messages are too few to cross-validate anything else: the backbone stays frozen.",
        "{messages} 条消息太少，无法交叉验证其他方法：骨干模型保持冻结。",
    ),
    "method_asked_for": (
        "{method} was asked for; cross-validation gave {figures}.",
        "按要求使用{method}；交叉验证结果：{figures}。",
    ),
    "method_usually_gains": (
        "{method} usually gains, and cross-validation hardly speaks against it: {figures}.",
        "{method}通常有提高，交叉验证也几乎没有相反的证据：{figures}。",
    ),
    "method_better": ("{method} was better in cross-validation: {figures}.", "{method}在交叉验证中更好：{figures}。"),
    "frozen_stays": (
        "The backbone stays frozen: {method} was not better in cross-validation ({figures}).",
        "骨干模型保持冻结：{method}在交叉验证中没有更好（{figures}）。",
    ),
    "method_figures": (
        "macro-F1 {tuned:.3f} against {frozen:.3f} of the frozen one, difference {low:+.3f} to {high:+.3f} in 80 of "
        "100 resamplings",
        "macro-F1 {tuned:.3f}，冻结时为 {frozen:.3f}，100 次重采样中有 80 次差值在 {low:+.3f} 至 {high:+.3f} 之间",
    ),
    "method_frozen": ("the frozen backbone", "冻结的骨干模型"),
    "method_full": ("full fine-tuning", "全量微调"),
    "method_lora": ("LoRA", "LoRA "),
    "method_qlora": ("QLoRA", "QLoRA "),
    "method_int8": ("LoRA on 8-bit weights", "8 位权重上的 LoRA "),
    "too_few_to_search": (
        "{count} messages are too few to compare settings on: label at least {fewest}.",
        "{count} 条消息太少，无法比较设置：请至少标注 {fewest} 条。",
    ),
    "search_found_nothing_better": (
        "Nothing that was tried is better than the default recipe.",
        "试过的设置都没有胜过默认配方。",
    ),
    "search_gain_by_chance": (
        "The best is better by so little that it may be chance: the interval of its gain holds 0.",
        "最好的设置只略胜一点，可能出于偶然：其提高的区间包含 0。",
    ),
    "search_learned_from_some": (
        "Settings were compared after learning from {learned:,} of {messages:,} messages.",
        "比较设置时只学习了 {messages:,} 条消息中的 {learned:,} 条。",
    ),
    "search_default_not_measured": (
        "The time was over before the usual way to fine-tune was measured: give more minutes.",
        "时间用尽，还没来得及测量通常的微调方法：请给更多分钟。",
    ),
}
