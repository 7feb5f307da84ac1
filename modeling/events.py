"""The JSON lines that `python -m modeling` prints, as models: both ends of the pipe use them.

A reader ignores fields that it does not know, so that a line of a newer program can be read. `read_line` reads a line.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, JsonValue, Tag, TypeAdapter, ValidationError

from modeling.sentences.catalogue import Sentence, StoredSentence, sentence

Interval = tuple[float, float, float]
"""A figure and the ends of its 95% interval."""
Notes = tuple[StoredSentence, ...]


class Event(BaseModel):
    """One line, or a part of one."""

    # An interval without draws is NaN; as null it could not be read back as a number.
    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")


def rounded(record: Any, digits: int = 4) -> dict[str, Any]:
    """Return the fields of a dataclass as they are printed: fractions with so many digits."""
    fields = asdict(record).items()
    return {name: round(value, digits) if isinstance(value, float) else value for name, value in fields}


class Progress(Event):
    """How far a program is: `fraction` of the whole, 0 to 1; seconds since the start, and until a limit of time."""

    event: Literal["progress"] = "progress"
    stage: str
    fraction: float
    seconds: float = 0.0
    left: int | None = None


class Download(Event):
    """What is about to be fetched: `bytes` that are not in the cache; `licence` is None where none is stated."""

    event: Literal["download"] = "download"
    name: str
    licence: str | None
    bytes: int

    @property
    def sentence(self) -> Sentence:
        """What is fetched, for people."""
        if self.licence is None:
            return sentence("fetching_without_licence", name=self.name, size=self.bytes)
        return sentence("fetching", name=self.name, size=self.bytes, licence=self.licence)


class Failed(Event):
    """The last line of a program that failed: `message` is the sentence in English."""

    event: Literal["error"] = "error"
    message: str
    code: str = ""
    params: dict[str, JsonValue] = {}

    @classmethod
    def of(cls, why: Sentence) -> Failed:
        """Return the line of a sentence."""
        return cls(message=why.text, code=why.code, params=why.model_dump(mode="json")["params"])

    @property
    def sentence(self) -> Sentence:
        """The sentence, which a reader may say in its own language."""
        return Sentence.model_validate({"code": self.code, "params": self.params, "text": self.message})


class Gate(Event):
    """Whether a candidate takes over: macro-F1 `difference` with the ends `low` and `high` of its 95% interval."""

    promote: bool
    reason: StoredSentence
    difference: float
    low: float
    high: float
    messages: int


class Scores(Event):
    """Accuracy, macro-F1 and expected calibration error (0 to 1) over so many messages."""

    accuracy: float
    macro_f1: float
    ece: float
    messages: int


class BaselineScores(Scores):
    """The figures of the model that was to beat; `name` is its folder, or a backbone's name."""

    name: str


class TokenLengths(Event):
    """Tokens of a message: median, 95th centile, most; `cut` is the share of messages that are longer than `limit`."""

    median: int
    p95: int
    most: int
    limit: int
    cut: float


class Trained(Event):
    """The last line of `train`. `why` says how the method was chosen; `tuning` is None for a frozen backbone."""

    event: Literal["done"] = "done"
    method: str
    accuracy: float
    macro_f1: float
    ece: float
    messages: int
    labels: int
    bundle: str
    backbone: str = ""
    fingerprint: str
    megabytes: float
    against: BaselineScores | None
    gate: Gate | None
    cross_validation: dict[str, dict[str, float]]
    why: StoredSentence
    tokens: TokenLengths
    tuning: dict[str, JsonValue] | None
    notes: Notes
    seconds: float = 0.0


class TeacherFigures(Event):
    """A teacher beside its student; what was not measured is None."""

    accuracy: float | None
    macro_f1: float | None
    messages_per_second: float | None = None
    megabytes: float | None = None


class Distilled(Event):
    """The last line of `distill`; scores are None without test messages, figures of the teacher in its own model."""

    event: Literal["done"] = "done"
    method: Literal["distilled"] = "distilled"
    student: str
    teacher: TeacherFigures
    accuracy: float | None
    macro_f1: float | None
    ece: float | None
    messages: int
    labels: int
    messages_per_second: float
    p50_ms: float
    megabytes: float
    kept: float | None
    times_as_fast: float
    agreement: float
    against: BaselineScores | None
    gate: Gate | None
    bundle: str
    fingerprint: str
    notes: Notes
    seconds: float = 0.0


class Intervals(Event):
    """Figures with the ends of their intervals, and how these came about."""

    method: str
    accuracy: Interval
    macro_f1: Interval
    ece: Interval
    macro_precision: Interval
    macro_recall: Interval


class LabelFigures(Event):
    """Precision, recall and F1 of a label that `support` messages carry."""

    precision: Interval
    recall: Interval
    f1: Interval
    support: int


class Confusion(Event):
    """So many messages of the label `true` were taken for `said`."""

    true: str
    said: str
    messages: int


class ReliabilityBin(Event):
    """Messages whose top probability lies from `low` to `high`: how sure the model was, and how often right."""

    low: float
    high: float
    messages: int
    confidence: float
    accuracy: float


class Coverage(Event):
    """Speaking only from a probability of `threshold` on: the share of messages answered, and of answers right."""

    threshold: float
    coverage: float
    precision: float


class OutOfScope(Event):
    """How well the out-of-scope score tells such messages from the others."""

    messages: int
    auroc: Interval
    auprc: Interval


class Throughput(Event):
    """Messages a second in bulk; milliseconds of one message alone: median and 95th centile."""

    messages_per_second: float
    p50_ms: float
    p95_ms: float


class McNemar(Event):
    """McNemar's test: `ours` and `theirs` count the messages that only this one got right."""

    ours: int
    theirs: int
    p: float
    method: str


class Compared(Event):
    """The figures less those of another bundle on the same messages."""

    bundle: str
    accuracy: Interval
    macro_f1: Interval
    mcnemar: McNemar


class Evaluated(Event):
    """The last line of `evaluate`; `numbered` says which number in the picture is which label."""

    event: Literal["evaluated"] = "evaluated"
    bundle: str
    accuracy: float
    macro_f1: float
    ece: float
    messages: int
    intervals: Intervals
    per_label: dict[str, LabelFigures]
    confusion: tuple[Confusion, ...]
    reliability: tuple[ReliabilityBin, ...]
    coverage: tuple[Coverage, ...]
    at_thresholds: Coverage
    out_of_scope: OutOfScope | None
    speed: Throughput
    bytes: int
    against: Compared | None
    numbered: dict[str, str]
    notes: Notes


class PretrainingGain(Event):
    """Macro-F1 of a frozen head before and after pretraining, and the interval of the difference."""

    before: float
    after: float
    low: float
    high: float
    folds: int
    metric: str
    method: str


class Pretrained(Event):
    """The last line of `pretrain`; `curve` has pairs of a step and the mean loss of the steps that end there."""

    event: Literal["pretrained"] = "pretrained"
    objective: str
    base: str
    texts: int
    held_out: int
    steps: int
    loss_first: float
    loss_last: float
    curve: tuple[tuple[int, float], ...]
    held_out_before: float
    held_out_after: float
    gain: PretrainingGain | None
    backbone: str
    fingerprint: str
    notes: Notes
    seconds: float = 0.0


class ScoredSettings(Event):
    """What settings scored in cross-validation; the settings themselves are fields of their own beside the score."""

    model_config = ConfigDict(extra="allow")

    score: float
    metric: str

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by name, such as method and learning_rate."""
        return dict(self.model_extra or {})


class SearchGain(Event):
    """The best settings' macro-F1 less the default's, with the ends of the interval."""

    value: float
    low: float
    high: float


class Tuned(Event):
    """The last line of `tune`; `recipe` is the file with the best settings."""

    event: Literal["tuned"] = "tuned"
    trials: int
    pruned: int
    best: ScoredSettings
    default: ScoredSettings
    gain: SearchGain | None
    messages: int
    folds: int
    recipe: str
    notes: Notes
    seconds: float = 0.0


class WeighedWord(Event):
    """A word's characters from `start` to `end`, and its weight in log-odds."""

    text: str
    start: int
    end: int
    weight: float


class NearestMessage(Event):
    """A labelled message that is near, with the cosine similarity."""

    text: str
    label: str
    similarity: float


class LabelProbability(Event):
    """A label and its probability."""

    label: str
    probability: float


class Explained(Event):
    """The last line of `explain`; weights are in log-odds of the label against the runner-up."""

    event: Literal["explained"] = "explained"
    text: str
    label: str
    probability: float
    threshold: float
    spoken: bool
    method: str
    words: tuple[WeighedWord, ...]
    sum: float
    difference: float
    error: float
    neighbours: tuple[NearestMessage, ...]
    runner_up: LabelProbability
    notes: Notes


class Gpus(Event):
    """Which GPUs `check` sees."""

    event: Literal["gpu"] = "gpu"
    names: tuple[str, ...]


class BackboneInfo(Event):
    """What a backbone is: `tokens` is what is read of a message at most; `licence` None where none is stated."""

    event: Literal["backbone"] = "backbone"
    name: str
    family: str
    kind: str
    pooling: str | None
    prompt: str | None
    parameters: int
    dimension: int
    tokens: int | None
    licence: str | None
    bytes: int
    device: str


class DataDescribed(Event):
    """What `data describe` says about a file; `thin` are labels with few held-out messages."""

    event: Literal["described"] = "described"
    messages: int
    labels: int
    smallest: int
    largest: int
    near_copies: int
    train: int
    held_out: int
    set_aside: int
    thin: tuple[str, ...]
    tokens: TokenLengths
    hash: str
    notes: Notes


class DataConverted(Event):
    """The last line of `data convert`."""

    event: Literal["converted"] = "converted"
    messages: int
    file: str
    notes: Notes


class DataSplit(Event):
    """The last line of `data split`."""

    event: Literal["split"] = "split"
    train: int
    held_out: int
    set_aside: int
    thin: tuple[str, ...]
    notes: Notes


class Prediction(Event):
    """A line of `predict`; `label` is None where there is nothing to read."""

    text: str
    label: str | None
    probability: float


def _kind(line: Any) -> str | None:
    """Name the model of a line: its `event`, but `train` and `distill` both end with "done"."""
    plain = line if isinstance(line, dict) else {name: getattr(line, name, None) for name in ("event", "method")}
    event = plain.get("event")
    return "distilled" if event == "done" and plain.get("method") == "distilled" else event


Outcome = Trained | Distilled | Evaluated | Pretrained | Tuned | Explained | DataDescribed | DataConverted | DataSplit
"""The last line of a program that came to its end."""

Line = Annotated[
    Annotated[Progress, Tag("progress")]
    | Annotated[Download, Tag("download")]
    | Annotated[Failed, Tag("error")]
    | Annotated[Trained, Tag("done")]
    | Annotated[Distilled, Tag("distilled")]
    | Annotated[Evaluated, Tag("evaluated")]
    | Annotated[Pretrained, Tag("pretrained")]
    | Annotated[Tuned, Tag("tuned")]
    | Annotated[Explained, Tag("explained")]
    | Annotated[Gpus, Tag("gpu")]
    | Annotated[BackboneInfo, Tag("backbone")]
    | Annotated[DataDescribed, Tag("described")]
    | Annotated[DataConverted, Tag("converted")]
    | Annotated[DataSplit, Tag("split")],
    Discriminator(_kind),
]
"""Any line that has an `event`."""

LINE: TypeAdapter[Line] = TypeAdapter(Line)
NOT_OURS = frozenset({"json_invalid", "union_tag_invalid", "union_tag_not_found"})
"""Pydantic's names for text that is no JSON, and for JSON without an event of these."""


def read_line(text: str) -> Line | None:
    """Read a line; None for other output, such as an event of a newer program.

    Raises ValidationError where an event that is known here does not have the form that it has here.
    """
    try:
        return LINE.validate_json(text)
    except ValidationError as error:
        if error.errors()[0]["type"] in NOT_OURS:
            return None
        raise
