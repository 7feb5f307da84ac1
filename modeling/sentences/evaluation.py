"""Sentences about bundles, what they are measured on, the promotion gate, and explanations."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
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
