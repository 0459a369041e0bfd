"""An object store's HTTP server that answers as a test says: broken bodies, lost answers, refusals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

EMPTY_BUCKET = (
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Name>b</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
)


@dataclass(frozen=True)
class Reply:
    """One answer.

    Args:
        claimed_size: what Content-Length says; None is the truth. The connection ends after the body.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"ETag": '"1"'})
    claimed_size: int | None = None


@dataclass
class Script:
    """What to answer by method, in order; the last answer is given for ever. Lists are of an empty bucket."""

    replies: dict[str, list[Reply]]
    asked: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)

    def next(self, method: str, path: str) -> Reply:
        if "list-type" in path:
            self.asked.append("LIST")
            replies = self.replies.get("LIST", [Reply(body=EMPTY_BUCKET)])
        else:
            self.asked.append(method)
            replies = self.replies[method]
        return replies.pop(0) if len(replies) > 1 else replies[0]


def _handler(script: Script) -> type[BaseHTTPRequestHandler]:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", 0)))
        script.conditions += [f"{key}: {text}" for key, text in request.headers.items() if "match" in key.lower()]
        reply = script.next(request.command, request.path)
        request.send_response(reply.status)
        for name, value in {"Last-Modified": "Sat, 31 Jan 2026 12:00:00 GMT", **reply.headers}.items():
            request.send_header(name, value)
        size = len(reply.body) if reply.claimed_size is None else reply.claimed_size
        request.send_header("Content-Length", str(size))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(reply.body)
        request.close_connection = True

    methods: dict[str, Callable[..., Any]] = {
        f"do_{method}": answer for method in ("GET", "PUT", "POST", "HEAD", "DELETE")
    }
    return type("Handler", (BaseHTTPRequestHandler,), {**methods, "log_message": lambda *_: None})


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """The server's address, for the time of a test."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(script))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
