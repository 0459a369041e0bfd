"""Connections to Redis, and its errors as ours.

Durable means what the server's settings make of it: with `appendonly yes` and `appendfsync always` an acknowledged
batch survives the server's end at any moment; with the default, what came since the last snapshot does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from connectors.stream.feed import BLOCK_S_MAX
from domain.errors import AccessDenied, InputError, UnavailableError

TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 128
RETRY_AFTER_S: Final = 2

_CREDENTIALS = (redis.AuthenticationError, redis.exceptions.NoPermissionError)


@dataclass(frozen=True, slots=True)
class RedisClients:
    """Two clients of one server: one whose calls are quick, and one whose reads wait."""

    quick: redis.Redis
    waiting: redis.Redis
    where: str

    def close(self) -> None:
        """Let go of all connections."""
        self.quick.close()
        self.waiting.close()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Let Redis' errors leave as ours.

        Raises:
            AccessDenied: the credentials are not right, which only the operator can mend.
            UnavailableError: anything else that may be over later.
        """
        try:
            yield
        except _CREDENTIALS as error:
            raise AccessDenied(
                "Redis refuses the platform's credentials",
                status=503,
                where=self.where,
                todo="Set redis_url to an address with the right user and password",
            ) from error
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise UnavailableError(
                "Redis cannot be reached", where=self.where, retry_after_s=RETRY_AFTER_S, todo="Repeat the request"
            ) from error
        except redis.ResponseError as error:
            is_full = isinstance(error, redis.OutOfMemoryError)
            raise UnavailableError(
                "Redis has no memory left" if is_full else "Redis cannot do this now",
                where=self.where,
                reason=str(error)[:200],
                retry_after_s=RETRY_AFTER_S,
                todo="Give it more memory, or see whether the platform consumes its changes" if is_full else "Repeat",
            ) from error


def connect(url: str) -> RedisClients:
    """Clients of the server at a URL. Nothing is sent before the first call.

    Args:
        url: ``redis://…``, ``rediss://…`` (TLS) or ``unix://…``, with user and password where they are needed.

    Raises:
        InputError: the URL is not one of these.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise InputError(
            "not an address of Redis",
            got=f"{parts.scheme}:…" if parts.scheme else "",
            expected="redis://, rediss:// or unix://",
            todo="Set redis_url",
        )
    where = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
    return RedisClients(_client(url, TIMEOUT_S), _client(url, TIMEOUT_S + BLOCK_S_MAX), where)


def _client(url: str, timeout_s: float) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=TIMEOUT_S,
        health_check_interval=30,
        max_connections=CONNECTIONS_MAX,
        retry=Retry(ExponentialWithJitterBackoff(base=0.05, cap=0.5), 2),
        client_name="policycortex",
    )
