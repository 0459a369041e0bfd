"""How Ray Serve takes requests in, as variables of the process that starts the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_HAPROXY: Final = {"RAY_SERVE_ENABLE_HA_PROXY": "1", "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1"}
MODES: Final[Mapping[str, Mapping[str, str]]] = {
    "default": {},
    "haproxy": _HAPROXY,
    "cluster": {**_HAPROXY, "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1"},
}
"""`default` as on a laptop, `cluster` as in the cluster files; shutting down waits less than there."""
