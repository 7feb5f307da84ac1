"""Sentences about what is learned: training, pretraining, distillation, and how good it came out."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    # training: recipes, the folder of a run, memory, which method was chosen and why, and the search
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
    "base_chosen": (
        "Of the installed backbones, {name} reads these messages best: macro-F1 {macro_f1:.3f} out of fold while "
        "frozen ({others:and}).",
        "在已安装的骨干模型中，{name} 对这些消息理解得最好：冻结时折外 macro-F1 为 {macro_f1:.3f}（{others:and}）。",
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
    # pretraining: which objectives a backbone can learn, what went wrong, and what it gained
    "pretraining_loss_not_finite": (
        "The loss was no longer a number at step {step}: start again with a --learning-rate below {rate:g}.",
        "第 {step} 步的损失不再是有限数值：请用低于 {rate:g} 的 --learning-rate 重新开始。",
    ),
    "too_little_memory_to_pretrain": (
        "There is not enough memory to learn from {batch} messages at once: set --batch {smaller}.",
        "内存不足以一次学习 {batch} 条消息：请设置 --batch {smaller}。",
    ),
    "no_decoder": (
        "{name} cannot be its own decoder ({reason}): choose --objective mlm.",
        "{name} 不能作自己的解码器（{reason}）：请选择 --objective mlm。",
    ),
    "no_cross_attention": ("it has no way to look at a vector", "它无法读取向量"),
    "reads_both_ways": (
        "{name} reads in both directions: choose --objective {objectives:or}.",
        "{name} 双向阅读：请选择 --objective {objectives:or}。",
    ),
    "reads_forwards": (
        "{name} only reads what came before: choose --objective {objectives:or}.",
        "{name} 只读前文：请选择 --objective {objectives:or}。",
    ),
    "no_mask_token": (
        "{name} has no token to hide words behind: choose --objective tsdae.",
        "{name} 没有掩码 token：请选择 --objective tsdae。",
    ),
    "predicts_no_words": (
        "{name} is neither an encoder nor a decoder that predicts words: give a transformer as --base.",
        "{name} 既不是能预测词的编码器，也不是解码器：请把 transformer 作为 --base。",
    ),
    "no_language_model": (
        "{name} cannot be read as a language model ({reason}): choose another --objective.",
        "{name} 无法作为语言模型读取（{reason}）：请选择其他 --objective。",
    ),
    "base_altered": (
        "{folder} was altered after it was pretrained: choose another --out.",
        "{folder} 在预训练之后被改动过：请换一个 --out。",
    ),
    "gain_unmeasured": (
        "There are too few labelled messages to say what it gained: label some, or give --labelled.",
        "标注太少，无法说明提高了多少：请标注一些，或给出 --labelled。",
    ),
    "pretraining_gained": (
        "Pretraining gained under a frozen head: macro-F1 from {before:.3f} to {after:.3f}, a difference between "
        "{low:+.1f} and {high:+.1f} points.",
        "在冻结的骨干模型上预训练有提高：macro-F1 从 {before:.3f} 到 {after:.3f}，差值在 {low:+.1f} 至 {high:+.1f} "
        "个百分点之间。",
    ),
    "pretraining_lost": (
        "Pretraining lost under a frozen head: macro-F1 from {before:.3f} to {after:.3f}, a difference between "
        "{low:+.1f} and {high:+.1f} points. Keep the base, or fine-tune the new one.",
        "在冻结的骨干模型上预训练变差：macro-F1 从 {before:.3f} 到 {after:.3f}，差值在 {low:+.1f} 至 {high:+.1f} "
        "个百分点之间。请保留原来的底座，或微调新的底座。",
    ),
    "pretraining_no_gain": (
        "Pretraining shows no gain under a frozen head: macro-F1 from {before:.3f} to {after:.3f}, a difference "
        "between {low:+.1f} and {high:+.1f} points.",
        "在冻结的骨干模型上看不出预训练的提高：macro-F1 从 {before:.3f} 到 {after:.3f}，差值在 {low:+.1f} 至 "
        "{high:+.1f} 个百分点之间。",
    ),
    "word_layer_made": (
        "The base has no layer that tells words, so one was made: its first losses are those of chance.",
        "底座没有预测词的层，因此新建了一层：最初的损失只是随机水平。",
    ),
    "pretraining_out_of_time": (
        "The time was up after {steps} steps, before the plan was done.",
        "{steps} 步之后时间用尽，计划尚未完成。",
    ),
    "held_out_loss_did_not_fall": (
        "The held-out loss did not fall: more texts are needed, or a smaller --learning-rate.",
        "留出文本的损失没有下降：需要更多文本，或更小的 --learning-rate。",
    ),
    # distillation: teachers, students, and what they are compared on
    "alpha_wrong": (
        "--alpha is {alpha}, but a weight between 0 and 1 is needed: try 0.6.",
        "--alpha 是 {alpha}，但需要 0 到 1 之间的权重：可试 0.6。",
    ),
    "alpha_without_labels": (
        "--alpha 0 follows labels alone, and there are none: give --train or another --alpha.",
        "--alpha 0 只跟随标签，而现在没有标签：请给出 --train，或其他 --alpha。",
    ),
    "temperature_wrong": (
        "--temperature is {temperature}, but it has to be above 0 and at most 100: try 2.",
        "--temperature 是 {temperature}，但必须大于 0 且不超过 100：可试 2。",
    ),
    "no_texts_to_distill": (
        "{path} has no texts beside those that the student is tested on: add some.",
        "{path} 中除了测试学生的文本之外没有其他文本：请添加。",
    ),
    "test_texts_left_out": (
        "{count} texts that the student is tested on were left out of what it learns from.",
        "学生学习的内容中略去了 {count} 条用来测试它的文本。",
    ),
    "distillation_loss_not_finite": (
        "The loss was no longer a number at step {step}: try another --temperature or a smaller student.",
        "第 {step} 步的损失不再是有限数值：请试试其他 --temperature，或较小的学生。",
    ),
    "too_little_memory_to_distill": (
        "There is not enough memory to teach this student, even in batches of {batch}: give a smaller student or "
        "--hidden.",
        "内存不足以训练这个学生，批大小为 {batch} 也不行：请给出较小的学生，或较小的 --hidden。",
    ),
    "student_too_large": (
        "The student {name} has {student:.1f} million parameters and its teacher {teacher:.1f}: give a smaller "
        "student, such as static or lstm, or train it instead.",
        "学生 {name} 有 {student:.1f} 百万个参数，而教师有 {teacher:.1f} 百万个：请给出较小的学生，例如 static 或 "
        "lstm，或直接训练它。",
    ),
    "no_teacher": (
        "No teacher is given: name the folder of a bundle, or several with commas between.",
        "没有给出教师：请给出一个模型包的文件夹，或用逗号分隔的多个。",
    ),
    "teachers_of_other_labels": (
        "The teachers {first} and {second} do not know the same labels ({label:quoted} and {more} more): give "
        "teachers of one label set.",
        "教师 {first} 和 {second} 认识的标签不同（{label:quoted}，另有 {more} 个）：请给出同一套标签的教师。",
    ),
    "teacher_lacks_labels": (
        "The teacher does not know {label:quoted} and {more} more labels: not taught.",
        "教师不认识 {label:quoted} 以及另外 {more} 个标签：没有教。",
    ),
    "teacher_saw_labelled": (
        "What the teacher says of labelled messages may be surer than it is of others: it saw them.",
        "教师对已标注消息的判断可能比对其他消息更有把握，因为它见过这些消息。",
    ),
    "no_test_messages": (
        "There are no test messages, so nothing is said about accuracy: give --test or --train.",
        "没有测试消息，因此不说明准确率：请给出 --test 或 --train。",
    ),
    "rival_without_head": (
        "{name} is a backbone without a head: give --train, or a bundle to compare with.",
        "{name} 是没有分类头的骨干模型：请给出 --train，或用来比较的模型包。",
    ),
    # evaluation: bundles, what they are measured on, the promotion gate, and explanations
    "bundle_missing": (
        "There is no bundle at {folder}: give the folder that training wrote.",
        "{folder} 处没有模型包：请给出训练写入的文件夹。",
    ),
    "bundle_file_missing": (
        "The bundle {folder} lacks its file {name}: promote another version or train again.",
        "模型包 {folder} 缺少文件 {name}：请启用其他版本，或重新训练。",
    ),
    "bundle_file_altered": (
        "The file {name} of the bundle {folder} was altered or damaged: promote another version or train again.",
        "模型包 {folder} 的文件 {name} 被改动或损坏：请启用其他版本，或重新训练。",
    ),
    "bundle_file_extra": (
        "{path} does not belong to its bundle: remove it, or promote another version or train again.",
        "{path} 不属于它所在的模型包：请删除它，或启用其他版本，或重新训练。",
    ),
    "bundle_format_unknown": (
        "The bundle {folder} has format {format}, which this program cannot read: promote another version or train "
        "again.",
        "模型包 {folder} 的格式是 {format}，本程序无法读取：请启用其他版本，或重新训练。",
    ),
    "head_unreadable": (
        "The head of the bundle {folder} cannot be read: train again.",
        "无法读取模型包 {folder} 的分类头：请重新训练。",
    ),
    "no_label_in_common": (
        "The bundle knows none of the labels of the test messages, such as {label:quoted} (its own are "
        "{example:quoted} and {more} more): give messages with its labels, or the bundle they belong to.",
        "模型包不认识测试消息的任何标签，例如 {label:quoted}（它的标签是 {example:quoted} 等，另有 {more} 个）："
        "请给出带有它的标签的消息，或这些消息所属的模型包。",
    ),
    "labels_unknown": (
        "{count} messages carry labels that the bundle does not know ({labels:quoted}): they count as wrong.",
        "{count} 条消息的标签是模型包不认识的（{labels:quoted}）：都算答错。",
    ),
    "many_labels_unknown": (
        "{count} messages carry labels that the bundle does not know ({labels:quoted} and {more} more): they count as "
        "wrong.",
        "{count} 条消息的标签是模型包不认识的（{labels:quoted} 等，另有 {more} 个）：都算答错。",
    ),
    "gate_too_few": (
        "Kept the active model: {messages} messages that neither model learned from are too few to tell (it takes "
        "{fewest}), macro-F1 {difference:+.1f} points ({low:+.1f} points to {high:+.1f} points).",
        "保留当前模型：两个模型都没有学过的消息只有 {messages} 条，太少，无法判断（至少需要 {fewest} 条），macro-F1 "
        "变化 {difference:+.1f} 个百分点（{low:+.1f} 至 {high:+.1f}）。",
    ),
    "gate_may_be_worse": (
        "Kept the active model: the candidate may be worse, macro-F1 {difference:+.1f} points ({low:+.1f} points to "
        "{high:+.1f} points) on {messages} messages.",
        "保留当前模型：候选可能更差，macro-F1 变化 {difference:+.1f} 个百分点（{low:+.1f} 至 {high:+.1f}），共 "
        "{messages} 条消息。",
    ),
    "gate_label_lost": (
        "Kept the active model: the candidate lost {lost:+.1f} points F1 of the label {label:quoted}, though macro-F1 "
        "{difference:+.1f} points ({low:+.1f} points to {high:+.1f} points) on {messages} messages.",
        "保留当前模型：候选在标签 {label:quoted} 上的 F1 变化 {lost:+.1f} 个百分点，尽管 macro-F1 变化 "
        "{difference:+.1f} 个百分点（{low:+.1f} 至 {high:+.1f}），共 {messages} 条消息。",
    ),
    "gate_worse_calibrated": (
        "Kept the active model: the candidate's probabilities are worse calibrated ({ece:+.1f} points ECE).",
        "保留当前模型：候选的概率校准更差（ECE 变化 {ece:+.1f} 个百分点）。",
    ),
    "gate_better": (
        "The candidate is better: macro-F1 {difference:+.1f} points ({low:+.1f} points to {high:+.1f} points) on "
        "{messages} messages.",
        "候选更好：macro-F1 变化 {difference:+.1f} 个百分点（{low:+.1f} 至 {high:+.1f}），共 {messages} 条消息。",
    ),
    "gate_no_worse": (
        "The candidate is no worse: macro-F1 {difference:+.1f} points ({low:+.1f} points to {high:+.1f} points) on "
        "{messages} messages.",
        "候选不比当前差：macro-F1 变化 {difference:+.1f} 个百分点（{low:+.1f} 至 {high:+.1f}），共 {messages} 条消息。",
    ),
    "nothing_to_explain": (
        "There is nothing to explain in a message without words: give one with some.",
        "消息中没有文字，无从解释：请给出有文字的消息。",
    ),
    "one_label_to_explain": (
        "The bundle knows only the label {label:quoted}, so there is nothing to tell it from: train with at least two "
        "labels.",
        "模型包只认识标签 {label:quoted}，没有可比较的标签：请用至少两个标签训练。",
    ),
    "long_message_read_in_part": (
        "The message has {characters:,} characters; its beginning and its end were read.",
        "消息有 {characters:,} 个字符，只读取了开头和结尾。",
    ),
    "last_words_not_read": (
        "The last {count} words are beyond what the backbone reads.",
        "最后 {count} 个词超出了骨干模型的读取范围。",
    ),
    "several_words_at_a_time": (
        "The message is long, so several words at a time were left out, and share what that changed.",
        "消息较长，因此每次略去几个词，由它们分摊由此引起的变化。",
    ),
    "shares_do_not_add_up": (
        "The words' shares add up to {sum:.2f} of {difference:.2f}.",
        "各词的贡献合计 {sum:.2f}，应为 {difference:.2f}。",
    ),
}
