"""How a bundle is trained: everything that can be set, in one value that is saved beside the weights."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modeling.backbones import presets
from modeling.backbones.build import STATIC, is_built
from modeling.errors import ModelingError
from modeling.hashing import short_hash

Method = Literal["frozen", "lora", "full", "qlora", "int8"]

EPOCHS = 6.0
AS_MANY_AS_ASKED = 10**9  # steps


class FineTuneConfig(BaseModel):
    """How a backbone is fine-tuned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float = Field(gt=0)
    epochs: float = Field(default=EPOCHS, gt=0)
    most_steps: int = 3000
    batch: int = Field(default=32, ge=1, description="messages that one process computes at once; less of few")
    accumulation: int = Field(default=1, ge=1, description="batches before a step; the contrast sees one batch at once")
    gradient_checkpointing: bool = Field(default=False, description="less memory for a third more time")
    warmup: float = 0.06
    weight_decay: float = 0.01
    contrast: float | None = Field(
        default=None, description="share of the contrastive loss, the rest is cross-entropy; by default less of many"
    )
    contrast_temperature: float = 0.1
    rank: int = 16
    dropout: float = 0.1
    tokens: int | None = Field(default=None, ge=8, description="of a message; by default all that 99 of 100 have")
    validation: float | None = Field(
        default=None,
        ge=0,
        le=0.5,
        description="share held back to stop early; by default a tenth of many messages, in runs longer than usual",
    )
    patience: int = Field(default=3, ge=1, description="evaluations without a smaller validation loss until it stops")
    evaluations: int = Field(default=10, ge=1, description="of the validation loss in a run")
    checkpoint_seconds: float = 20.0


class Recipe(BaseModel):
    """What `train` was asked for. The defaults were chosen by cross-validation on training files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["auto", "frozen", "lora", "full", "qlora", "int8"] = "auto"
    backbone: str = Field(default_factory=presets.default)
    seed: int = 0
    folds: int = Field(default=3, ge=2)
    candidates: tuple[Method, ...] = ("full", "lora")
    lora: FineTuneConfig = FineTuneConfig(learning_rate=1e-3)
    full: FineTuneConfig = FineTuneConfig(learning_rate=3e-4)
    qlora: FineTuneConfig = FineTuneConfig(learning_rate=5e-4)
    int8: FineTuneConfig = FineTuneConfig(learning_rate=5e-4)

    def tuning(self, method: Method) -> FineTuneConfig:
        """The settings of a method that fine-tunes."""
        return {"lora": self.lora, "qlora": self.qlora, "int8": self.int8}.get(method, self.full)

    def with_options(self, **options: str | int | None) -> Recipe:
        """Return the recipe with those fields that are not None."""
        return self.model_copy(update={name: value for name, value in options.items() if value is not None})

    def with_epochs(self, epochs: float) -> Recipe:
        """Go exactly so many times through the messages, by whatever method."""
        update = {"epochs": epochs, "most_steps": AS_MANY_AS_ASKED}
        methods = ("lora", "full", "qlora", "int8")
        return self.model_copy(update={name: self.tuning(name).model_copy(update=update) for name in methods})

    @property
    def hash(self) -> str:
        """A short hash of all settings."""
        return short_hash([self.model_dump_json().encode()])


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from TOML or JSON; what the file does not name keeps its default. Raises ModelingError."""
    try:
        return Recipe.model_validate_json(json.dumps(_content(path)))
    except OSError as error:
        raise ModelingError("file_not_read", path=path, reason=error.strerror or str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        position, reason = ".".join(str(part) for part in first["loc"]), first["msg"]
        if not position:
            raise ModelingError("recipe_wrong_form", path=path, reason=reason) from None
        raise ModelingError("recipe_wrong", path=path, position=position, reason=reason) from None
    except (ValueError, RecursionError) as error:  # of both parsers, and of a file that is no text
        raise ModelingError("recipe_unparsable", path=path, reason=str(error)) from None


def _content(path: Path) -> Any:
    """Return what the file says, over the defaults of the tables that it says something about."""
    text = path.read_bytes().decode("utf-8-sig")
    content = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    if not isinstance(content, dict):
        return content
    defaults = Recipe().model_dump(mode="json")
    tables = {name: value for name, value in content.items() if isinstance(value, dict) and name in defaults}
    return {**content, **{name: {**defaults[name], **value} for name, value in tables.items()}}


BUILT_TUNING = {
    STATIC: FineTuneConfig(learning_rate=1e-2, epochs=20, batch=128, most_steps=3000),
    "gru": FineTuneConfig(learning_rate=2e-3, epochs=20, batch=64, most_steps=4000),
    "lstm": FineTuneConfig(learning_rate=2e-3, epochs=20, batch=64, most_steps=4000),
}


def for_built_backbone(recipe: Recipe) -> Recipe:
    """Return the recipe with what suits a backbone that is built, where it says nothing else.

    Raises ModelingError for methods that need a transformer.
    """
    if not is_built(recipe.backbone):
        return recipe
    if recipe.method not in ("auto", "frozen", "full"):
        raise ModelingError("method_needs_transformer", method=recipe.method, backbone=recipe.backbone)
    if "full" in recipe.model_fields_set:
        return recipe
    return recipe.model_copy(update={"full": BUILT_TUNING[recipe.backbone]})
