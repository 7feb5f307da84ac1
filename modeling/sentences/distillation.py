"""Sentences about distillation: teachers, students, and what they are compared on."""

from __future__ import annotations

SENTENCES: dict[str, tuple[str, str]] = {
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
}
