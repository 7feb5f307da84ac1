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
    "standard_input": ("standard input", "标准输入"),
    "where_first_line": ("its first line", "第一行"),
    "where_line": ("line {line}", "第 {line} 行"),
    "where_row": ("row {line}", "第 {line} 行"),
    "where_whole": ("it", "文件"),
    # tables as text
    "csv_unreadable": (
        "{path} is not a readable table in line {line} ({reason}): check its quotes and separators.",
        "{path} 第 {line} 行不是可读的表格（{reason}）：请检查引号和分隔符。",
    ),
    "row_too_long": (
        "{path} has {fields} fields in line {line}, but {columns} columns: put a text with {mark:quoted} into quotes.",
        "{path} 第 {line} 行有 {fields} 个字段，却只有 {columns} 列：含有 {mark:quoted} 的文本请加引号。",
    ),
    "quote_left_open": (
        "{path} opens a quote in line {line} that nothing closes: close it, or write a quote inside a text twice.",
        "{path} 第 {line} 行的引号没有闭合：请闭合它；文本中的引号要写两遍。",
    ),
    "quote_misplaced": (
        "{path} goes on after a closing quote in the row that begins in line {line}: a quote before it was not closed, "
        "or a quote inside the text has to be written twice.",
        "{path} 从第 {line} 行开始的一行在闭合的引号之后还有内容：前面有引号没有闭合，或文本中的引号要写两遍。",
    ),
    "quote_escaped": (
        '{path} has a quote after a backslash in the row that begins in line {line}: write it as "" instead.',
        "{path} 从第 {line} 行开始的一行用反斜杠转义引号：请改写成两个引号。",
    ),
    "column_twice": (
        "{path} has the column {column:quoted} twice in {where}: rename one of them.",
        "{path} 的{where}中 {column:quoted} 列出现了两次：请改名其中之一。",
    ),
    "headers_repeated": (
        "{count} rows that repeat the names of the columns were left out, the first in line {line}.",
        "略去了 {count} 行重复列名的数据，第一处在第 {line} 行。",
    ),
    "rows_in_text": (
        "The text in line {line} has {count} lines that look like rows of their own: check whether a quote is missing.",
        "第 {line} 行的文本含有 {count} 行看似独立的数据：请检查是否缺少引号。",
    ),
    # JSON, values and exports
    "json_too_deep": (
        "{path} nests brackets too deeply in line {line}: give objects with a text and a label.",
        "{path} 第 {line} 行的括号嵌套过深：请给出含文本和标签的对象。",
    ),
    "kind_object": ("an object", "一个对象"),
    "kind_list": ("a list of something else", "其他内容的列表"),
    "value_not_text": (
        "{path} has {kind} as {column} in {where}: it must be a text.",
        "{path} 的{where}中 {column} 是{kind}：它必须是文本。",
    ),
    "several_labels": (
        "{path} has several labels for one message in {where} ({labels:quoted}): a message has one label; choose it.",
        "{path} 的{where}中一条消息有多个标签（{labels:quoted}）：一条消息只有一个标签，请选定。",
    ),
    "label_marks_parts": (
        "{path} labels parts of a text in {where}: export labels of whole texts.",
        "{path} 的{where}给文本的片段加了标签：请导出整条文本的标签。",
    ),
    "label_half_character": (
        "{path} has half a character in the label {label:quoted} in {where}: correct it.",
        "{path} 的{where}中标签 {label:quoted} 含有半个字符：请改正。",
    ),
    "label_reserved": (
        "{path} calls a label {label:quoted} in {where}, which means something else in chats: rename it.",
        "{path} 的{where}把一个标签叫作 {label:quoted}，它在聊天中另有含义：请改名。",
    ),
    "several_questions": (
        "{path} has answers to several questions in {where} ({names:quoted}): name one of them {usual:quoted}, or "
        "export that one alone.",
        "{path} 的{where}有多个问题的回答（{names:quoted}）：请把其中之一命名为 {usual:quoted}，或只导出它。",
    ),
    "export_without_labels": (
        "{path} is an export of {format}, which has no labels: add a label to every row, or use it where only texts "
        "are read.",
        "{path} 是 {format} 的导出，其中没有标签：请给每一行加上标签，或只在读取文本的地方使用它。",
    ),
    "export_unknown": (
        "{path} is not as Argilla, doccano, Label Studio or Prodigy export it in {where}: give rows with a text and a "
        "label.",
        "{path} 的{where}不是 Argilla、doccano、Label Studio 或 Prodigy 的导出格式：请给出含文本和标签的行。",
    ),
    "rows_rejected": (
        "{count} rows whose label was rejected or skipped in the program that exported them were left out.",
        "略去了 {count} 行在导出程序中被拒绝或跳过标签的数据。",
    ),
    "labels_alike": (
        "Labels that look the same count as one: {labels:quoted}.",
        "看起来相同的标签算作一个：{labels:quoted}。",
    ),
    "is_packed": (
        "{path} is packed or a workbook, not a text: unpack it, or save it as CSV in UTF-8.",
        "{path} 是压缩文件或工作簿，不是文本：请解压，或另存为 UTF-8 的 CSV。",
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
        "All texts of {labels:quoted} in {path} carry another label too, so they teach nothing: training needs at "
        "least two labels.",
        "{path} 中 {labels:quoted} 的文本全都另有其他标签，无法从中学习：训练至少需要两个标签。",
    ),
    "one_example_per_label": (
        "{path} has one example per label only: training needs at least two for one of them.",
        "{path} 中每个标签只有一个样例：训练要求至少一个标签有两个样例。",
    ),
    "one_text_per_label": (
        "{path} has {count} rows, but without those that repeat or dispute a text one is left of each label: training "
        "needs at least two for one of them.",
        "{path} 有 {count} 行，但去掉重复或有争议的文本后每个标签只剩一个样例：训练要求至少一个标签有两个样例。",
    ),
    "labels_only_held_out": (
        "All messages of {labels:quoted} in {path} happen to be held out, and training needs at least two labels: "
        "label a few more, or give --test.",
        "{path} 中 {labels:quoted} 的消息恰好全部被留出，而训练至少需要两个标签：请再标注一些，或给出 --test。",
    ),
    "held_out_leaves_one_each": (
        "Of {count} different messages in {path} {held} happen to be held out, which leaves one for each label: label "
        "a few more, or give --test.",
        "{path} 的 {count} 条不同消息中恰好有 {held} 条被留出，每个标签只剩一个样例：请再标注一些，或给出 --test。",
    ),
    "tested_on_training": (
        "At least {count} of the {total} test messages were learned from, word for word or nearly: the figures are "
        "better than the model is.",
        "{total} 条测试消息中至少有 {count} 条（或几乎相同的）已用于训练：这些数值高于模型的真实水平。",
    ),
    "too_few_texts_to_pretrain": (
        "{path} has {count} different texts: pretraining needs {fewest} at least, and thousands to gain much.",
        "{path} 有 {count} 条不同的文本：预训练至少需要 {fewest} 条，数千条才会有明显效果。",
    ),
    "too_few_to_hold_out": (
        "{path} has too few messages to hold some out and learn from the others: add more, or train without --test.",
        "{path} 的消息太少，无法留出一部分并用其余的训练：请添加，或不用 --test 训练。",
    ),
    "rows_without_text_or_label": (
        "{count} rows without text or label were left out.",
        "略去了 {count} 行没有文本或标签的数据。",
    ),
    "rows_without_text": ("{count} rows without text were left out.", "略去了 {count} 行没有文本的数据。"),
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
