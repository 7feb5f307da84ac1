"""Sentences about files of messages: what is wrong with one, and what was left out of it."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
    "not_utf8": ("{path} is not UTF-8: save it as UTF-8.", "{path} 不是 UTF-8 编码：请另存为 UTF-8。"),
    "is_utf16": (
        "{path} is not UTF-8 but UTF-16: save it as UTF-8.",
        "{path} 是 UTF-16 而不是 UTF-8 编码：请另存为 UTF-8。",
    ),
    "not_utf8_in_line": (
        "{path} is not UTF-8 in line {line} (byte 0x{byte:02x}): save all of it as UTF-8.",
        "{path} 第 {line} 行不是 UTF-8（字节 0x{byte:02x}）：请把整个文件另存为 UTF-8。",
    ),
    "not_utf8_after_line": (
        "{path} is not UTF-8 in line {line} (byte 0x{byte:02x}); the lines before it are: save all of it as UTF-8.",
        "{path} 第 {line} 行不是 UTF-8（字节 0x{byte:02x}），之前的行是：请把整个文件另存为 UTF-8。",
    ),
    "file_not_read": ("{path} cannot be read ({reason}): check the path.", "无法读取 {path}（{reason}）：请检查路径。"),
    "file_not_written": (
        "{path} cannot be written to ({reason}): choose another file.",
        "无法写入 {path}（{reason}）：请换一个文件。",
    ),
    "file_exists": (
        "{path} exists already: remove it, or choose another name.",
        "{path} 已存在：请删除它，或换一个名称。",
    ),
    "ending_unknown": (
        "{path} has none of the endings {endings}: choose one, or none for a folder.",
        "{path} 的扩展名不在 {endings} 之中：请选其一；文件夹则不用扩展名。",
    ),
    "dataset_has_parts": (
        "{path} has the parts {parts}: name one of them, as in {example}.",
        "{path} 含有 {parts} 几个部分：请指定其一，例如 {example}。",
    ),
    "column_missing": (
        "{path} has no column {missing:nor}: {where} must name the columns {columns:and}.",
        "{path} 没有 {missing:nor} 列：{where}必须写明 {columns:and} 列。",
    ),
    "where_first_line": ("its first line", "第一行"),
    "where_line": ("line {line}", "第 {line} 行"),
    "where_whole": ("it", "文件"),
    "csv_unreadable": (
        "{path} is not a readable CSV file ({reason}): check its quotes and commas.",
        "{path} 不是可读的 CSV 文件（{reason}）：请检查引号和逗号。",
    ),
    "parquet_unreadable": (
        "{path} is not a readable Parquet file ({reason}): write it again.",
        "{path} 不是可读的 Parquet 文件（{reason}）：请重新生成。",
    ),
    "json_line_wrong": (
        "{path} has no JSON object in line {line}: every line must be one.",
        "{path} 第 {line} 行不是 JSON 对象：每一行都必须是。",
    ),
    "format_needs_package": (
        "This format needs the package {package}: install backchannel[data].",
        "此格式需要软件包 {package}：请安装 backchannel[data]。",
    ),
    "no_labelled_rows": (
        "{path} has no rows with a text and a label: add some.",
        "{path} 中没有同时含文本和标签的行：请添加。",
    ),
    "no_text_rows": ("{path} has no rows with a text: add some.", "{path} 中没有含文本的行：请添加。"),
    "no_text_lines": ("{path} has no line with a text: add some.", "{path} 中没有含文本的行：请添加。"),
    "only_label": (
        "{path} has only the label {label:quoted}: training needs at least two labels.",
        "{path} 只有标签 {label:quoted}：训练至少需要两个标签。",
    ),
    "only_disputed_labels": (
        "{path} has no label that is not disputed: training needs at least two labels.",
        "{path} 中没有无争议的标签：训练至少需要两个标签。",
    ),
    "one_example_per_label": (
        "{path} has one example per label only: training needs at least two for one of them.",
        "{path} 中每个标签只有一个样例：训练要求至少一个标签有两个样例。",
    ),
    "too_few_texts_to_pretrain": (
        "{path} has {count} different texts: pretraining needs {fewest} at least, and thousands to gain much.",
        "{path} 有 {count} 条不同的文本：预训练至少需要 {fewest} 条，数千条才会有明显效果。",
    ),
    "too_few_to_hold_out": (
        "{path} has too few messages to hold some out: add more, or train without --test.",
        "{path} 的消息太少，无法留出一部分：请添加，或不用 --test 训练。",
    ),
    "rows_without_text_or_label": (
        "{count} rows without text or label were left out.",
        "略去了 {count} 行没有文本或标签的数据。",
    ),
    "disputed_texts_left_out": (
        "{count} texts that carry several labels were left out.",
        "略去了 {count} 条带有多个标签的文本。",
    ),
    "repeated_rows_left_out": ("{count} rows that repeat a text were left out.", "略去了 {count} 行重复的文本。"),
    "near_copies_left_out": (
        "{count} texts that repeat another or nearly do were left out.",
        "略去了 {count} 条重复或近似重复的文本。",
    ),
    "near_copies_set_aside": (
        "{count} held-out messages that nearly repeat a training message were set aside.",
        "搁置了 {count} 条与训练消息近似重复的留出消息。",
    ),
    "labels_all_held_out": (
        "All messages of {labels:quoted} happen to be held out, so it cannot be learnt yet: label a few more.",
        "{labels:quoted} 的消息恰好全部被留出，暂时无法学习：请再标注一些。",
    ),
    "many_labels_all_held_out": (
        "All messages of {labels:quoted} and more happen to be held out, so it cannot be learnt yet: label a few more.",
        "{labels:quoted} 等标签的消息恰好全部被留出，暂时无法学习：请再标注一些。",
    ),
    "few_held_out": (
        "Only {count} messages are held out: cross-validation on the others joins in.",
        "只留出了 {count} 条消息：因此也采用其余消息的交叉验证。",
    ),
}
