"""JSON-RPC over HTTP, as Bitcoin and Ethereum nodes speak it."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from connectors.http_call import Bounds, call
from domain.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class Node:
    """A node and, where it asks for it, a user name and password."""

    url: str
    user: str = ""
    password: str = field(default="", repr=False)
    bounds: Bounds = field(default_factory=Bounds)

    def ask(self, method: str, *params: object) -> Any:
        """The result of a method; amounts are Decimal.

        Raises:
            UnavailableError: no answer, or an error instead of a result.
        """
        value = self._send(method, params)
        if value.get("error") is not None or "result" not in value:
            raise UnavailableError(
                "node refused", method=method, host=urlsplit(self.url).netloc, reason=str(value.get("error"))[:300]
            )
        return value["result"]

    def _send(self, method: str, params: tuple[object, ...]) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "1.0" if self.user else "2.0", "id": 1, "method": method, "params": params})
        headers = {"Content-Type": "application/json"}
        if self.user:
            credential = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {credential}"
        answer = call(self.url, body=body.encode(), headers=headers, bounds=self.bounds)
        try:
            value = json.loads(answer.body, parse_float=Decimal)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise UnavailableError(
                "node's answer is not JSON-RPC", method=method, host=urlsplit(self.url).netloc, status=answer.status
            )
        return value
