"""Ray for a command that learns: the cluster that its process is connected to, else one of its own on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import ray


@contextmanager
def ray_here(processors: int) -> Iterator[None]:
    """Connected to Ray.

    Args:
        processors: of a cluster that has to be started; it ends with the block, and joins no other that runs here.
    """
    if ray.is_initialized():
        yield
        return
    ray.init(
        address="local", num_cpus=processors, include_dashboard=False, log_to_driver=False,
        logging_level=logging.WARNING,
    )  # fmt: skip
    try:
        yield
    finally:
        ray.shutdown()
