"""The network of `training.forward`, with gradients: message passing of PyG over each relation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from training.forward import RELATIONS, SCALES_DAYS, SOFTENING, WAVES, time_encoding
from training.history import Codes
from training.relations import LINKS, Relations

ENCODING_SIZE = 1 + len(SCALES_DAYS) + 2 * len(WAVES)


@dataclass(frozen=True, slots=True)
class Form:
    """How large the network is, and how much of a state is left out while it learns."""

    width: int = 40
    layers: int = 2
    dropout: float = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """A relation's lists as edges.

    Shapes:
        edge_index: int64 (2, e), speaker above hearer. encoding: float32 (e, ENCODING_SIZE).
    """

    edge_index: Tensor
    encoding: Tensor
    hearers: int


@dataclass(frozen=True, slots=True, eq=False)
class Neighbourhood:
    """Relations as tensors; `codes` says for each group relation which hearer each row listens to."""

    heard: tuple[Heard, ...]
    codes: tuple[Tensor, ...]
    types: Tensor


def neighbourhood(relations: Relations, types: Codes, device: torch.device) -> Neighbourhood:
    """Relations as tensors on a device."""
    lists = [*relations.links, *(one.members for one in relations.groups)]
    heard = tuple(
        Heard(
            torch.from_numpy(np.stack((one.others.astype(np.int64), one.owners()))).to(device),
            torch.from_numpy(time_encoding(one.ages)).to(device),
            len(one),
        )
        for one in lists
    )
    codes = tuple(torch.from_numpy(one.codes.astype(np.int64)).to(device) for one in relations.groups)
    return Neighbourhood(heard, codes, torch.from_numpy(types.astype(np.int64)).to(device))


class GatedMean(MessagePassing):  # type: ignore[misc]
    """The mean of the speakers' states by gates, and the sum of gates."""

    def __init__(self) -> None:
        super().__init__(aggr="add", flow="source_to_target")

    def forward(self, state: Tensor, heard: Heard, gates: Tensor) -> tuple[Tensor, Tensor]:
        size = (len(state), heard.hearers)
        both = torch.cat((state, state.new_ones(len(state), 1)), dim=1)
        total: Tensor = self.propagate(heard.edge_index, x=(both, None), gates=gates, size=size)
        mass = total[:, -1]
        return total[:, :-1] / (mass + SOFTENING)[:, None], mass

    def message(self, x_j: Tensor, gates: Tensor) -> Tensor:
        return x_j * gates[:, None]


class RelationNetwork(nn.Module):  # type: ignore[misc]
    """States of resources, told through the relations layer by layer; a logit for each task."""

    def __init__(self, form: Form, *, features: int, types: int, tasks: int) -> None:
        super().__init__()
        width, layers = form.width, range(form.layers)
        self.encode = nn.Linear(features, width)
        self.embed = nn.Embedding(types + 1, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in layers)
        self.hear = nn.ModuleList(_by_relation(lambda: nn.Linear(width, width, bias=False)) for _ in layers)
        self.gate = nn.ModuleList(_by_relation(lambda: nn.Linear(ENCODING_SIZE, 1)) for _ in layers)
        self.count = nn.ModuleList(nn.ParameterDict({name: torch.zeros(width) for name in RELATIONS}) for _ in layers)
        self.head = nn.Linear(width, tasks)
        self.wide = nn.Linear(features, tasks, bias=False)
        self.dropout = nn.Dropout(form.dropout)
        self.mean = GatedMean()
        nn.init.normal_(self.embed.weight, std=0.02)
        nn.init.zeros_(self.wide.weight)

    def begin(self, base: NDArray[np.float32]) -> None:
        """Let every head tell its task's base rate before anything is learned."""
        with torch.no_grad():
            self.head.weight.mul_(0.1)
            self.head.bias.copy_(torch.from_numpy(np.log(base / (1 - base))))

    def forward(self, standard: Tensor, near: Neighbourhood) -> Tensor:
        """Logits of every row.

        Shapes:
            standard: float32 (n, features), standardised. Returns float32 (n, tasks).
        """
        state = torch.relu(self.encode(standard) + self.embed(near.types))
        for layer in range(len(self.own)):
            added = self.own[layer](state)
            for at, (name, heard) in enumerate(zip(RELATIONS, near.heard, strict=True)):
                spoken = self._spoken(layer, name, state, heard)
                added = added + (spoken if at < len(LINKS) else spoken[near.codes[at - len(LINKS)]])
            state = state + self.dropout(torch.relu(added))
        return self.head(state) + self.wide(standard)

    def _spoken(self, layer: int, name: str, state: Tensor, heard: Heard) -> Tensor:
        gates = torch.sigmoid(self.gate[layer][name](heard.encoding)[:, 0])
        mean, mass = self.mean(state, heard, gates)
        counted = torch.log1p(mass)[:, None] * self.count[layer][name]
        return self.hear[layer][name](mean) + counted

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter by name, for `training.forward`."""
        return {name: one.detach().cpu().numpy().copy() for name, one in self.named_parameters()}


def _by_relation(make: Callable[[], nn.Module]) -> nn.ModuleDict:
    return nn.ModuleDict({name: make() for name in RELATIONS})
