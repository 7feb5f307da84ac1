"""What one process of `gpu` does: it trains or encodes in its turn, and prints each result as a line of JSON.

Ours is `finetune.fine_tune`, which `modeling train` calls; the peer is a plain `transformers.Trainer` over
`AutoModelForSequenceClassification`: the same messages, batch, passes, precision and adapters, in random order, each
batch padded to its longest message. A first pass warms up; the passes after it are timed as a whole, so that both have
seen the same tokens, of which padding is none.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BitsAndBytesConfig,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from modeling.backbones import backbone as backbones
from modeling.errors import short
from modeling.training import finetune
from modeling.training.out_of_memory import is_out_of_memory
from modeling.training.recipe import AS_MANY_AS_ASKED, Method, Recipe
from tests.benchmarks import gpu_bundles, gpu_models
from tests.benchmarks.gpu import MARK, PACKAGES, Line, Row

WARM, TIMED = 1, 3  # passes over the messages
ROUNDS = 3  # of encoding, in turns
NO_CHECKPOINTS = 1e9  # seconds
PROMPTS = {"e5": "query: "}  # ours reads it by itself
GPU = torch.cuda.is_available()


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: messages of a pass and of a step, messages to encode, tokens that are read of each."""

    messages: int
    batch: int
    encoded: int
    learnt: int


FULL = Size(messages=2048, batch=128, encoded=4096, learnt=480)
TINY = Size(messages=16, batch=8, encoded=48, learnt=60)


@dataclass(slots=True)
class StepClock:
    """Takes the time from the end of warming up to the last step, and the memory that was needed until then."""

    warm: int
    steps: int
    done: int = 0
    began: float = 0.0
    seconds: float = 0.0
    memory: float = 0.0

    def tick(self) -> None:
        """A step has ended."""
        self.done += 1
        if self.done == self.warm:
            synchronise()
            self.began = time.perf_counter()
        elif self.done == self.steps:
            synchronise()
            self.seconds, self.memory = time.perf_counter() - self.began, peak_memory()

    def row(self, model: str, work: str, who: str, size: Size, tokens: int, note: str = "") -> Row:
        """What it measured, of so many tokens a pass."""
        messages = TIMED * size.messages / self.seconds
        return Row(model, work, who, messages, messages * tokens / size.messages, self.memory, note)


def synchronise() -> None:
    """Wait for what a GPU was told to do."""
    if GPU:
        torch.cuda.synchronize()


def peak_memory() -> float:
    """The most memory since the last `forget`, in GiB: of the GPU, else of this process since its start."""
    if GPU:
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def forget() -> None:
    """Free what the contender before left, and begin to look for the most memory anew."""
    gc.collect()
    if GPU:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


@dataclass(frozen=True)
class Bench:
    """The folder of the run, with the backbones in it, and how much is done."""

    folder: Path
    size: Size
    rows: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", gpu_models.messages(self.size.messages, seed=0))

    @property
    def texts(self) -> list[str]:
        return [text for text, _ in self.rows]

    @property
    def targets(self) -> list[int]:
        kinds = list(gpu_models.KINDS)
        return [kinds.index(kind) for _, kind in self.rows]

    def base(self, model: str) -> Path:
        return (self.folder / gpu_models.FOLDERS[model]).resolve()

    def clock(self) -> StepClock:
        steps = self.size.messages // self.size.batch
        return StepClock(WARM * steps, (WARM + TIMED) * steps)

    def tokens(self, model: str) -> int:
        """Tokens of one pass, special ones and a prompt too."""
        tokenizer: Any = AutoTokenizer.from_pretrained(self.base(model))
        return sum(map(len, tokenize(tokenizer, model, self.texts)["input_ids"]))


def tokenize(tokenizer: Any, model: str, texts: list[str]) -> Any:
    """Read texts as the peer does."""
    prompt = PROMPTS.get(model, "")
    return tokenizer([prompt + text for text in texts], truncation=True, max_length=gpu_models.TOKENS)


def train_ours(bench: Bench, model: str, method: Method) -> Iterator[Row]:
    """Fine-tune as `modeling train` does."""
    kinds, clock, size = list(gpu_models.KINDS), bench.clock(), bench.size
    backbone = backbones.load(str(bench.base(model)))
    centroids = backbone.encode(kinds)
    del backbone
    forget()
    settings: dict[str, Any] = {"batch": size.batch, "epochs": WARM + TIMED, "most_steps": AS_MANY_AS_ASKED}
    settings |= {"tokens": gpu_models.TOKENS, "validation": 0.0, "checkpoint_seconds": NO_CHECKPOINTS}
    tuned = finetune.fine_tune(
        bench.base(model),
        bench.texts,
        np.array(bench.targets),
        centroids,
        method,
        Recipe().tuning(method).model_copy(update=settings),
        seed=0,
        work=bench.folder / f"work-{model}-{method}",
        on_progress=lambda _: clock.tick(),
    )
    note = "memory ran out once: half the batch" if tuned.facts.get("memory_ran_out") else ""
    yield clock.row(model, method, "ours", size, bench.tokens(model), note)


def train_plainly(bench: Bench, model: str, method: Method) -> Iterator[Row]:
    """Fine-tune as a Trainer does by itself, with the same batch, passes, precision and adapters."""
    clock, size, tokenizer = bench.clock(), bench.size, AutoTokenizer.from_pretrained(bench.base(model))
    features = tokenize(tokenizer, model, bench.texts)
    dataset: Any = [
        {"input_ids": ids, "attention_mask": mask, "labels": target}
        for ids, mask, target in zip(features["input_ids"], features["attention_mask"], bench.targets, strict=True)
    ]

    class Tick(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.tick()

    device = "cuda" if GPU else "cpu"
    arguments = TrainingArguments(
        output_dir=str(bench.folder / f"plain-{model}-{method}"),
        per_device_train_batch_size=size.batch,
        num_train_epochs=WARM + TIMED,
        learning_rate=Recipe().tuning(method).learning_rate,
        bf16=backbones.has_bfloat16(device),
        use_cpu=not GPU,
        save_strategy="no",
        logging_strategy="no",
        report_to=[],
        disable_tqdm=True,
        dataloader_pin_memory=GPU,
    )
    Trainer(
        model=plain_model(bench.base(model), method, tokenizer.pad_token_id),
        args=arguments,
        train_dataset=dataset,
        data_collator=DataCollatorWithPadding(tokenizer),
        callbacks=[Tick()],
    ).train()
    yield clock.row(model, method, "Trainer", size, sum(map(len, features["input_ids"])))


def plain_model(base: Path, method: Method, pad: int) -> Any:
    """A classifier as transformers and peft make it."""
    kinds = len(gpu_models.KINDS)
    how: dict[str, Any] = {"quantization_config": quantisation(method)} if method in ("qlora", "int8") else {}
    large = sum(path.stat().st_size for path in base.glob("*.safetensors")) > backbones.WHOLE
    dtype = torch.float32 if method == "full" or not large else torch.bfloat16
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=kinds, dtype=dtype, **how)
    model.config.pad_token_id = pad
    if method == "full":
        return model
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if how:
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    tuning = Recipe().tuning(method)
    adapters = LoraConfig(
        task_type="SEQ_CLS",
        r=tuning.rank,
        lora_alpha=tuning.rank,
        lora_dropout=tuning.dropout,
        use_rslora=True,
        target_modules="all-linear",
    )
    return get_peft_model(model, adapters)


def quantisation(method: Method) -> BitsAndBytesConfig:
    """8 bits, or 4 as in QLoRA."""
    if method == "int8":
        return BitsAndBytesConfig(load_in_8bit=True)
    compute = torch.bfloat16 if backbones.has_bfloat16("cuda" if GPU else "cpu") else torch.float32
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute,
    )


def encode(bench: Bench, model: str) -> Iterator[Row]:
    """Encode in turns by ours, by SentenceTransformer's defaults, and by it in bfloat16 with larger batches."""
    texts = [text for text, _ in gpu_models.messages(bench.size.encoded, seed=2)]
    backbone = backbones.load(str(bench.base(model)), as_saved=True)
    plain: SentenceTransformer = backbones.load(str(bench.base(model)), as_saved=True).model
    half = backbones.load(str(bench.base(model)), as_saved=True).model.to(torch.bfloat16)
    ways: dict[str, Callable[[], Any]] = {
        "ours": lambda: backbone.encode(texts),
        "SentenceTransformer": lambda: plain.encode(texts, show_progress_bar=False),
        "SentenceTransformer, bfloat16, batch 256": lambda: half.encode(texts, batch_size=256, show_progress_bar=False),
    }
    vectors = {who: np.asarray(way(), np.float32) for who, way in ways.items()}  # warms up
    seconds: dict[str, list[float]] = {who: [] for who in ways}
    for _ in range(ROUNDS):
        for who, way in ways.items():
            seconds[who].append(timed(way))
    unit = {who: found / np.linalg.norm(found, axis=1, keepdims=True) for who, found in vectors.items()}
    tokenizer: Any = AutoTokenizer.from_pretrained(bench.base(model))
    tokens = sum(map(len, tokenize(tokenizer, model, texts)["input_ids"])) / len(texts)
    for who, times in seconds.items():
        rate = len(texts) / statistics.median(times)
        cosine = float((unit[who] * unit["SentenceTransformer"]).sum(1).min())
        yield Row(model, "encode", who, rate, rate * tokens, None, f"smallest cosine {cosine:.5f}")


def timed(way: Callable[[], Any]) -> float:
    """Seconds of a call, which ends with vectors in the memory of the CPU."""
    began = time.perf_counter()
    way()
    return time.perf_counter() - began


def rows(bench: Bench, model: str, work: str, who: str) -> Iterator[Row]:
    """Let one contender do its work."""
    forget()
    if work == "encode":
        return encode(bench, model)
    method: Any = work.removesuffix(" bundle")
    if method in ("qlora", "int8") and find_spec("bitsandbytes") is None:
        return iter([Row(model, work, who, note="bitsandbytes is not installed")])
    if work.endswith(" bundle"):
        return gpu_bundles.train_and_check(bench.base(model), model, method, bench.folder, bench.size.learnt)
    return train_ours(bench, model, method) if who == "ours" else train_plainly(bench, model, method)


def reason(error: Exception) -> str:
    """Why a contender has no figures."""
    if is_out_of_memory(error):
        return "out of memory"
    return f"{type(error).__name__}: {short(error)}"


def facts() -> dict[str, str]:
    """On what it is measured, and with which versions."""
    device = torch.cuda.get_device_name() if GPU else f"CPU, {os.cpu_count()} cores"
    found = {"device": device, "CUDA": torch.version.cuda or "none", "Python": sys.version.split()[0]}
    return found | {name: installed(name) for name in PACKAGES}


def installed(name: str) -> str:
    """The version of a package, or that it is missing."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def main() -> None:
    """Do the work that is named on the command line: FOLDER full|tiny CONTENDER…; a contender is MODEL/WORK/WHO."""
    folder, tiny = Path(sys.argv[1]), sys.argv[2] == "tiny"
    bench = Bench(folder, TINY if tiny else FULL)
    say(Line(facts=facts()))
    for contender in sys.argv[3:]:
        say(run(bench, contender, tiny=tiny))


def run(bench: Bench, contender: str, *, tiny: bool) -> Line:
    """The rows of a contender, or why there are none."""
    if contender == "prepare":
        notes = list(gpu_models.prepare(bench.folder, tiny=tiny))
        return Line(contender, facts={"backbones": ", ".join(notes)})
    model, work, who = contender.split("/")
    try:
        return Line(contender, list(rows(bench, model, work, who)))
    except Exception as error:  # one that fails is a row, and the next one begins
        return Line(contender, [Row(model, work, who, note=reason(error))])


def say(line: Line) -> None:
    print(MARK + json.dumps(asdict(line)), flush=True)


if __name__ == "__main__":
    main()
