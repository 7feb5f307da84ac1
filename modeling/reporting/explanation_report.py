"""An explanation as JSON for programs and as coloured text for a terminal."""

from __future__ import annotations

from rich.console import Group
from rich.style import Style
from rich.text import Text

from modeling.events import Explained
from modeling.explanation.explain import Explanation

FOR, AGAINST = (47, 111, 94), (200, 100, 60)  # the colours of `picture`
FAINTEST = 0.12  # of the strongest word's weight: below that a word keeps the terminal's own colours
WAYS = {
    "integrated_gradients": "integrated gradients",
    "exact": "exact shares",
    "occlusion": "occlusion, each word left out in turn",
}


def event(explanation: Explanation) -> Explained:
    """Return the "explained" event; weights are in log-odds of the label against the runner-up."""
    attribution = explanation.attribution
    line = {
        "text": explanation.text,
        "label": explanation.label,
        "probability": round(explanation.probability, 4),
        "threshold": round(explanation.threshold, 4),
        "spoken": explanation.spoken,
        "method": attribution.way,
        "words": [
            {"text": word.text, "start": word.start, "end": word.end, "weight": round(float(weight), 4)}
            for word, weight in zip(attribution.words, attribution.weights, strict=True)
        ],
        "sum": round(float(attribution.weights.sum()), 4),
        "difference": round(attribution.difference, 4),
        "error": round(attribution.error, 4),
        "neighbours": [
            {"text": neighbour.text, "label": neighbour.label, "similarity": round(neighbour.similarity, 4)}
            for neighbour in explanation.neighbours
        ],
        "runner_up": {"label": explanation.runner_up.label, "probability": round(explanation.runner_up.probability, 4)},
        "notes": explanation.notes,
    }
    return Explained.model_validate(line)


def as_text(explanation: Explanation) -> Group:
    """Return the message with the words that spoke for its label in green and those against it in orange."""
    attribution, runner_up = explanation.attribution, explanation.runner_up
    verdict = "said" if explanation.spoken else "not said"
    lines = [
        Text.assemble(
            (explanation.label, "bold"),
            f" {explanation.probability:.0%}, {verdict} at a threshold of {explanation.threshold:.0%}; "
            f"then {runner_up.label} {runner_up.probability:.0%}",
        ),
        coloured(explanation),
        Text(
            f"{WAYS[attribution.way]}: the words add {attribution.weights.sum():+.2f} of {attribution.difference:+.2f} "
            f"to the log-odds against {runner_up.label} (error {attribution.error:.1%})",
            style="dim",
        ),
        *(
            Text.assemble(f"{neighbour.similarity:.2f} ", (neighbour.label, "bold"), f" {neighbour.text}")
            for neighbour in explanation.neighbours
        ),
        *(Text(note.text) for note in explanation.notes),
    ]
    return Group(*lines)


def coloured(explanation: Explanation) -> Text:
    """Return the text with a background behind each word, the stronger the more it weighs."""
    message, strongest = Text(explanation.text), strongest_weight(explanation)
    for word, weight in zip(explanation.attribution.words, explanation.attribution.weights.tolist(), strict=True):
        if abs(weight) >= FAINTEST * strongest:
            message.stylize(Style(color="black", bgcolor=_hex(tint(weight / strongest))), word.start, word.end)
    return message


def strongest_weight(explanation: Explanation) -> float:
    """The weight, without its sign, of the word that weighs most."""
    return max((abs(weight) for weight in explanation.attribution.weights.tolist()), default=0.0) or 1.0


def tint(share: float) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, from white at 0 to light green at 1 and light orange at -1."""
    full, size = (FOR if share > 0 else AGAINST), 0.75 * min(1.0, abs(share))
    red, green, blue = (round(255 - size * (255 - part)) for part in full)
    return red, green, blue


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
