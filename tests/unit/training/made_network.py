"""A network whose parameters are drawn, and relations drawn for so many rows (synthetic): no torch is needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.forward import RELATIONS, SCALES_DAYS, WAVES, Network
from training.relations import GROUPS, LINKS, Relations, grouped, recent

TYPES = ("resource:aws_kms_key", "resource:aws_s3_bucket", "resource:unheard_of")
ENCODING = 1 + len(SCALES_DAYS) + 2 * len(WAVES)
FEATURES = 5


def drawn_network(*, features: int = FEATURES, width: int = 6, layers: int = 2, seed: int = 1) -> Network:
    """A network that knows the first two of `TYPES`."""
    draw = np.random.default_rng(seed)

    def some(*shape: int) -> NDArray[np.float32]:
        return np.asarray(draw.normal(size=shape) / np.sqrt(shape[-1]), np.float32)

    arrays: dict[str, NDArray[np.generic]] = {
        "mean": some(features), "scale": np.abs(some(features)) + np.float32(0.5), "type_names": np.array(TYPES[:2]),
        "encode.weight": some(width, features), "encode.bias": some(width), "embed.weight": some(3, width),
        "head.weight": some(3, width), "head.bias": some(3), "wide.weight": some(3, features),
    }  # fmt: skip
    for layer in range(layers):
        arrays |= {f"own.{layer}.weight": some(width, width), f"own.{layer}.bias": some(width)}
        for name in RELATIONS:
            arrays |= {
                f"gate.{layer}.{name}.weight": some(1, ENCODING), f"gate.{layer}.{name}.bias": some(1),
                f"hear.{layer}.{name}.weight": some(width, width), f"count.{layer}.{name}": some(width),
            }  # fmt: skip
    return Network(arrays)


def drawn_relations(rows: int, *, edges: int, seed: int = 1) -> Relations:
    """References and groups drawn for so many rows; ages are all different."""
    draw = np.random.default_rng(seed)
    source, target = draw.integers(0, rows, (2, edges))
    joined = source != target
    source, target = source[joined], target[joined]
    ages = draw.permutation(len(source)).astype(np.float32)
    idle = draw.permutation(rows).astype(np.float32)
    links = [recent(*ends, ages, size=rows, idle=idle) for ends in ((source, target), (target, source))]
    assert len(links) == len(LINKS)
    groups = [grouped(draw.integers(0, max(rows // 4, 1), rows), idle) for _ in GROUPS]
    return Relations(tuple(links), tuple(groups), draw.integers(0, 3, rows).astype(np.int32), TYPES)


def drawn_values(rows: int, *, features: int = FEATURES, seed: int = 1) -> NDArray[np.float32]:
    """Features drawn for so many rows."""
    return np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)
