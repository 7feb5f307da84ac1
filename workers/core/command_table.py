"""The table of verbs: arguments, who may, what people read about them. The same on every platform."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Verb:
    """One line of the table. `admin` verbs ask for admin rights; `confirm` verbs ask "are you sure".

    `operator` verbs concern all chats, and are for people whom the settings name.
    """

    name: str
    arguments: str
    en: str
    zh: str
    admin: bool = False
    operator: bool = False
    confirm: bool = False
    anywhere: bool = False

    def help(self, language: str) -> str:
        return self.zh if language == "zh" else self.en


VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("help", "[verb]", "What can be typed here", "这里可以输入什么", anywhere=True),
        Verb(
            "here", "[en|zh]", "Switch Backchannel on in this chat", "在本群启用 Backchannel", admin=True, anywhere=True
        ),
        Verb("leave", "", "Switch Backchannel off in this chat", "在本群停用 Backchannel", admin=True, confirm=True),
        Verb(
            "mode",
            "shadow|suggest",
            "Only watch (shadow), or put an emoji on messages (suggest)",
            "只观察（shadow），或给消息加表情（suggest）",
            admin=True,
        ),
        Verb(
            "bots",
            "on|off",
            "Read what other programs write in this chat, or leave it out",
            "是否读取本群其他机器人的消息",
            admin=True,
        ),
        Verb("labels", "", "The labels, their emoji and how often each was given", "标签、表情和使用次数"),
        Verb("labels add", "<name> [emoji] [description]", "Add a label", "新增标签", admin=True),
        Verb("labels rename", "<old> -> <new>", "Rename a label", "重命名标签", admin=True),
        Verb(
            "labels merge",
            "<from> -> <into>",
            "Let one label take over another's messages",
            "把一个标签并入另一个",
            admin=True,
            confirm=True,
        ),
        Verb("labels remove", "<name>", "Remove a label", "删除标签", admin=True, confirm=True),
        Verb("labels emoji", "<name> <emoji>", "Give a label another emoji", "更换标签的表情", admin=True),
        Verb("classify", "<text>", "Say what kind of message a text would be", "判断一段文字属于哪一类"),
        Verb("label", "[name|none]", "As a reply: say what kind that message is", "回复某条消息：指定它的标签"),
        Verb(
            "explain", "[text]", "As a reply: say why that message got its label", "回复某条消息：说明它为何属于该类别"
        ),
        Verb(
            "ask",
            "[n] [strategy=auto|random|margin|entropy|badge]",
            "Ask about the messages of which an answer teaches most",
            "询问最值得标注的消息",
        ),
        Verb("stats", "", "How much was labelled and how often the bot was right", "标注数量与准确率"),
        Verb(
            "retrain",
            "[auto|frozen|lora|full|qlora|int8] [backbone=…] [epochs=…] [recipe=tuned|default]",
            "Train a new model version from all labels",
            "用全部标签训练新版本",
            admin=True,
        ),
        Verb(
            "retrain auto",
            "on|off",
            "Train by itself when the labels have doubled, or only when asked",
            "标注翻倍时自动训练，或仅在要求时训练",
            admin=True,
        ),
        Verb(
            "distill",
            "<static|lstm|gru|light|name>",
            "Let a small, fast student learn from the active version",
            "让小而快的学生模型向当前版本学习",
            admin=True,
        ),
        Verb(
            "pretrain",
            "[minutes]",
            "Let the backbone read all stored messages: makes a base for retraining",
            "让骨干模型通读全部消息，得到供重新训练使用的底座",
            admin=True,
        ),
        Verb(
            "tune",
            "<minutes>",
            "Look for the best way to retrain, and take it from then on",
            "寻找最好的训练配方，供以后重新训练使用",
            admin=True,
        ),
        Verb(
            "evaluate",
            "[version]",
            "Measure a version on labelled messages that it never learned from",
            "用从未学习过的标注消息评估某个版本",
            admin=True,
        ),
        Verb("jobs", "", "Jobs such as training, and how far they are", "训练等任务与进度"),
        Verb("cancel", "[job]", "Stop the running job", "取消正在运行的任务", admin=True),
        Verb("models", "", "Model versions and what each scored", "模型版本与成绩"),
        Verb("promote", "<version>", "Let a version take over", "启用某个版本", admin=True),
        Verb("rollback", "", "Go back to the version before", "回到上一个版本", admin=True),
        Verb(
            "export",
            "",
            "The labelled texts of this chat as JSONL, handed to you alone",
            "将本群已标注的文本导出为 JSONL，只发给您本人",
            admin=True,
        ),
        Verb(
            "export all",
            "",
            "Those of all chats, for whoever runs the bot",
            "导出所有群的标注文本，仅限机器人的运营者",
            operator=True,
            confirm=True,
        ),
        Verb(
            "forget",
            "@person|me",
            "Delete everything this person wrote or labelled",
            "删除此人的全部消息与标注",
            admin=True,
            confirm=True,
        ),
    )
}


def nearest(verb: str) -> str | None:
    """The verb that somebody who typed this most likely meant."""
    near = get_close_matches(verb.lower(), {name.split()[0] for name in VERBS}, n=1, cutoff=0.75)
    return near[0] if near else None


def find(text: str) -> tuple[Verb | None, str]:
    """The verb that a typed line names and the rest of the line; `labels` and `retrain` look at the second word too."""
    text = text.strip().removeprefix("/")
    words = text.split(maxsplit=2)
    if not words:
        return VERBS["help"], ""
    pair = " ".join(words[:2]).lower()
    if len(words) > 1 and pair in VERBS:
        return VERBS[pair], words[2] if len(words) > 2 else ""
    # Cut, not joined from the words: line breaks and blanks in the rest belong to a text.
    return VERBS.get(words[0].lower()), text.strip()[len(words[0]) :].strip()
