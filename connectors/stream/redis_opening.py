"""Stream and feed over one server's connections."""

from __future__ import annotations

from connectors.stream.redis_client import connect
from connectors.stream.redis_feed import RedisFeed
from connectors.stream.redis_stream import RedisChangeStream


def open_redis(url: str) -> tuple[RedisChangeStream, RedisFeed]:
    """Open both; they share their connections.

    Raises:
        InputError: the URL is not one of Redis.
    """
    clients = connect(url)
    return RedisChangeStream(clients), RedisFeed(clients)
