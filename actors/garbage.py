"""How a process of ours lets Python look for garbage: seldom, since most of what it has stays."""

from __future__ import annotations

import gc
from typing import Final

GARBAGE_MIN: Final = 50_000


def rest_collector() -> None:
    """Keep the garbage collector from walking all modules while a batch makes its objects: they stay anyway.

    A batch of ten thousand lines makes enough objects for several full collections of a process this size, and none
    of them is garbage that only a collection finds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_MIN, 20, 20)
