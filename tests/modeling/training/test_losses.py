from __future__ import annotations

import torch

from modeling.training.losses import contrast


def test_the_contrast_is_small_when_labels_lie_apart() -> None:
    targets = torch.tensor([0, 0, 1, 1])
    apart = torch.nn.functional.normalize(torch.tensor([[1.0, 0], [1, 0.1], [0, 1], [0.1, 1]]), dim=1)
    mixed = apart[[0, 2, 1, 3]]
    assert contrast(apart, targets, 0.1) < 0.2 < contrast(mixed, targets, 0.1)


def test_messages_alone_with_their_label_do_not_break_the_contrast() -> None:
    vectors = torch.nn.functional.normalize(torch.randn(3, 4), dim=1).requires_grad_()
    loss = contrast(vectors, torch.tensor([0, 1, 2]), 0.1)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(vectors.grad).all() if vectors.grad is not None else True
