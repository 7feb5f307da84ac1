"""Whether an exported backbone says what the one says that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from modeling.backbones.backbone import Backbone
from modeling.inference.encoder import Encoder
from modeling.types import Targets, Vectors

SIMILAR = 0.98  # the mean cosine of both vectors of a message; all messages of e5 among each other: 0.8
NEAREST = 0.9  # share of messages whose nearest other message stays the same, of those that clearly have one
ANSWERED = 0.98  # share of messages that get the same label
CLEARLY = 0.02  # cosine by which the nearest leads

TEXTS = (
    "The app crashes when I open the settings.",
    "How do I invite somebody who has no account?",
    "Thank you, the new search is wonderful!",
    "Win a free phone, just click here now",
    "The invoice of last month shows the wrong sum, can somebody look at it?",
    "Could you add a dark theme, please",
    "lunch at 12:30?",
    "It has been slow since the update yesterday 😕",
    "应用一打开设置就崩溃了。",
    "没有账号的人怎么加入群聊？",
    "谢谢，新的搜索太好用了！",
    "上个月的账单金额不对，请帮忙看一下。",
    "希望可以加一个深色主题",
    "Die Rechnung vom letzten Monat stimmt nicht.",
    "¿Cómo cambio mi contraseña?",
    "ok",
)
"""Read where there are no messages to compare on."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """`cosine`: the mean over messages; `nearest`: the share whose nearest neighbour stays; of so many `messages`.

    `answers`: the share that gets the same label, where there is a head.
    """

    cosine: float
    nearest: float
    messages: int
    answers: float | None = None

    @property
    def faithful(self) -> bool:
        """Whether one may take the other's place."""
        same = self.answers is None or self.answers >= ANSWERED
        return self.cosine >= SIMILAR and self.nearest >= NEAREST and same


def compare(
    backbone: Backbone, exported: Encoder, texts: Sequence[str], label: Callable[[Vectors], Targets] | None = None
) -> Fidelity:
    """Read texts by both; `label` gives the labels int64 [n] of vectors float32 [n, d]."""
    before, after = backbone.encode(texts), exported.encode(texts)
    answers = float((label(before) == label(after)).mean()) if label else None
    cosine = float((before * after).sum(axis=1).mean())
    return Fidelity(cosine, _nearest_kept(before, after), len(texts), answers)


def _nearest_kept(before: Vectors, after: Vectors) -> float:
    similar, now = before @ before.T, after @ after.T
    np.fill_diagonal(similar, -1.0)
    np.fill_diagonal(now, -1.0)
    if len(similar) < 3:
        return 1.0
    runner_up, first = np.sort(similar, axis=1)[:, -2:].T
    clear = first - runner_up >= CLEARLY
    return float((similar.argmax(axis=1) == now.argmax(axis=1))[clear].mean()) if clear.any() else 1.0
