"""Sentences about pretraining: which objectives a backbone can learn, what went wrong, and what it gained."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
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
}
