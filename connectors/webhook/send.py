"""Sends one webhook to a checked address: no redirects, no proxies, an end to time and size."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from connectors.http_call import retry_after_s
from connectors.webhook.target import Target

DEADLINE_S: Final = 10.0
ANSWER_BYTES_MAX: Final = 4_096
RETRY_AFTER_S_MAX: Final = 3_600


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a message.

    Args:
        status: 0 where there was no answer.
        reason: what went wrong, for people.
        retry_after_s: what the receiver asked for.
    """

    status: int
    reason: str = ""
    retry_after_s: float | None = None

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver took it."""
        return 200 <= self.status < 300


class _Plain(http.client.HTTPConnection):
    """Connects to a checked address, whatever the host's name resolves to by now."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=DEADLINE_S)
        self._address = target.address

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)


class _Encrypted(http.client.HTTPSConnection):
    """The same, with the certificate checked against the host's name."""

    def __init__(self, target: Target) -> None:
        self._trust = ssl.create_default_context()
        super().__init__(target.host, target.port, timeout=DEADLINE_S, context=self._trust)
        self._address = target.address

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


def send(target: Target, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post a body; what goes wrong is part of the answer."""
    connection = _Encrypted(target) if target.is_encrypted else _Plain(target)
    try:
        connection.request("POST", target.path, body=body, headers=dict(headers))
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES_MAX)
        return Answer(
            answer.status, answer.reason or "", retry_after_s(answer.getheader("Retry-After"), most_s=RETRY_AFTER_S_MAX)
        )
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, f"{type(error).__name__}: {error}"[:200])
    finally:
        connection.close()
