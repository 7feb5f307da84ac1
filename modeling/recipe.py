"""How a bundle is trained: everything that can be set, in one value that is saved beside the weights."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modeling.errors import ModelingError

Method = Literal["frozen", "lora", "full"]


class Tuning(BaseModel):
    """How a backbone is fine-tuned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    learning_rate: float
    epochs: float = 3.0
    fewest_steps: int = 60
    most_steps: int = 1500
    batch: int = 32
    warmup: float = 0.06
    weight_decay: float = 0.01
    contrast: float = Field(default=0.5, description="share of the contrastive loss, the rest is cross-entropy")
    contrast_temperature: float = 0.1
    rank: int = 16
    dropout: float = 0.1
    tokens: int = 128
    checkpoint_seconds: float = 20.0


class Recipe(BaseModel):
    """What `train` was asked for. The defaults were chosen by cross-validation on training files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["auto", "frozen", "lora", "full"] = "auto"
    backbone: str = "minilm"
    seed: int = 0
    folds: int = Field(default=3, ge=2)
    candidates: tuple[Method, ...] = ("full",)
    lora: Tuning = Tuning(learning_rate=1e-3)
    full: Tuning = Tuning(learning_rate=3e-4)

    def tuning(self, method: Method) -> Tuning:
        """The settings for "lora" or "full"."""
        return self.lora if method == "lora" else self.full

    @property
    def hash(self) -> str:
        """A short hash of all settings."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from TOML or JSON; what the file does not name keeps its default. Raises ModelingError."""
    try:
        return Recipe.model_validate_json(json.dumps(_content(path)))
    except OSError as error:
        raise ModelingError(f"{path} cannot be read ({error.strerror}): check the path.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its form"
        raise ModelingError(f"The recipe {path} is wrong at {place} ({first['msg']}): correct it.") from None
    except ValueError as error:  # of both parsers, and of a file that is no text
        raise ModelingError(f"The recipe {path} cannot be parsed ({error}): correct it.") from None


def _content(path: Path) -> Any:
    """Return what the file says, over the defaults of the tables that it says something about."""
    text = path.read_bytes().decode("utf-8-sig")
    found = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    if not isinstance(found, dict):
        return found
    defaults = Recipe().model_dump(mode="json")
    tables = {name: value for name, value in found.items() if isinstance(value, dict) and name in defaults}
    return {**found, **{name: {**defaults[name], **value} for name, value in tables.items()}}
