"""Fits the head of T5 to pairs; the network that it reads stays as it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from domain.errors import InputError
from training.features import Matrix
from training.network.fit import moments, seeded
from training.pairs import PairHead


@dataclass(frozen=True, slots=True)
class PairTeaching:
    """How large the head is, and how long and hard it learns."""

    width: int = 48
    dropout: float = 0.3
    epochs: int = 8
    rows: int = 1_024
    rate: float = 2e-3
    decay: float = 3e-2
    threads: int = 1


PAIR_TEACHING = PairTeaching()


class PairModel(nn.Module):  # type: ignore[misc]
    """The function of `training.pairs`, with gradients."""

    def __init__(self, inputs: int, width: int, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, width)
        self.told = nn.Linear(width, 1)
        self.wide = nn.Linear(inputs, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        nn.init.zeros_(self.wide.weight)

    def forward(self, standard: Tensor) -> Tensor:
        """Logits of every pair."""
        hidden = self.dropout(torch.relu(self.hidden(self.dropout(standard))))
        told: Tensor = (self.told(hidden) + self.wide(standard))[:, 0]
        return told


def fit_pairs(
    inputs: Matrix, labels: NDArray[np.bool_], *, seed: int, teaching: PairTeaching = PAIR_TEACHING
) -> PairHead:
    """Fit a head.

    Shapes:
        inputs: float32 (p, k), of `training.pairs.pair_inputs`. labels: bool (p,).

    Raises:
        InputError: there is no pair to learn from.
    """
    if not len(labels):
        raise InputError("there are no pairs to learn from", todo="Start to learn earlier")
    seeded(seed, teaching.threads)
    known = moments(np.nan_to_num(inputs))
    model = PairModel(inputs.shape[1], teaching.width, teaching.dropout)
    base = float(np.clip(labels.mean(), 1e-4, 1 - 1e-4))
    nn.init.constant_(model.told.bias, float(np.log(base / (1 - base))))
    standard = torch.from_numpy(PairHead(known).standard(inputs))
    _learn(model, standard, torch.from_numpy(labels.astype(np.float32)), teaching, seed=seed)
    return PairHead({**known, **{name: one.detach().numpy().copy() for name, one in model.named_parameters()}})


def _learn(model: PairModel, standard: Tensor, labels: Tensor, teaching: PairTeaching, *, seed: int) -> None:
    draw = torch.Generator().manual_seed(seed)
    steps = teaching.epochs * -(-len(labels) // teaching.rows)
    optimiser = torch.optim.AdamW(model.parameters(), lr=teaching.rate, weight_decay=teaching.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=teaching.rate, total_steps=steps, pct_start=0.2)
    model.train()
    for _ in range(teaching.epochs):
        for rows in torch.randperm(len(labels), generator=draw).split(teaching.rows):
            optimiser.zero_grad()
            loss = nn.functional.binary_cross_entropy_with_logits(model(standard[rows]), labels[rows])
            loss.backward()
            optimiser.step()
            schedule.step()
