"""Why a method was taken: one sentence with the figures, for people who asked for "auto"."""

from __future__ import annotations

from dataclasses import dataclass

from modeling.recipe import Method

NAMES: dict[Method, str] = {
    "frozen": "the frozen backbone",
    "full": "full fine-tuning",
    "lora": "LoRA",
    "qlora": "QLoRA",
    "int8": "LoRA on 8-bit weights",
}


@dataclass(frozen=True, slots=True)
class Compared:
    """Macro-F1 out of fold of a tuned and of the frozen backbone; the 80% interval of the difference."""

    tuned: float
    frozen: float
    low: float
    high: float

    def __str__(self) -> str:
        between = f"difference {self.low:+.3f} to {self.high:+.3f} in 80 of 100 resamplings"
        return f"macro-F1 {self.tuned:.3f} against {self.frozen:.3f} of the frozen one, {between}"


def alone(asked: tuple[Method, ...], messages: int) -> str:
    """Return why nothing was tuned."""
    if asked == ("frozen",):
        return "The frozen backbone was asked for."
    return f"{messages} messages are too few to cross-validate anything else: the backbone stays frozen."


def compared(best: Method, chosen: Method, asked: str, figures: Compared) -> str:
    """Return why the best tuned candidate was taken, or not."""
    name = NAMES[best]
    if asked != "auto":
        return f"{name[0].upper()}{name[1:]} was asked for; cross-validation gave {figures}."
    if chosen == best and figures.tuned <= figures.frozen:
        return f"{name[0].upper()}{name[1:]} usually gains, and cross-validation hardly speaks against it: {figures}."
    if chosen == best:
        return f"{name[0].upper()}{name[1:]} was better in cross-validation: {figures}."
    return f"The backbone stays frozen: {name} was not better in cross-validation ({figures})."
