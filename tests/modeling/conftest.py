"""The real packaged backbone, loaded once, and two small files."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

from modeling.backbones.backbone import Backbone, load
from tests.fakes.messages import OPENINGS, messages, write_csv


@pytest.fixture(scope="session")
def minilm() -> Backbone:
    return load("minilm")


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two files: six openings to train on, the other four to test."""
    folder = tmp_path_factory.mktemp("data")
    rows = messages()
    train = write_csv(folder / "train.csv", [row for row in rows if row[0].startswith(OPENINGS[:6])])
    test = write_csv(folder / "test.csv", [row for row in rows if not row[0].startswith(OPENINGS[:6])])
    return train, test
