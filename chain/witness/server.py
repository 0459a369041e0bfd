"""The witness over HTTP: two routes, and a limit on everything that a stranger can make grow.

A connection gets one deadline for each request, waiting for it included; a body has a largest size; and no more than
so many connections are served at once, others being told to come back. Behind a proxy or a bastion it listens on
loopback; TLS is theirs.
"""

from __future__ import annotations

import contextlib
import io
import re
import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from chain.witness.submission import BODY_SIZE_BYTES_MAX
from chain.witness.witness import Answer, Witness
from domain.errors import PolicyCortexError

REQUEST_TIMEOUT_S: Final = 10.0
CONNECTIONS_MAX: Final = 64

_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_CHECKPOINT_PATH: Final = re.compile(r"/([0-9a-f]{64})/checkpoint")
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness; ``server_address`` says on which port. Closing it ends every connection."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        witness: Witness,
        *,
        request_timeout_s: float = REQUEST_TIMEOUT_S,
        connections_max: int = CONNECTIONS_MAX,
    ) -> None:
        self.witness = witness
        self.request_timeout_s = request_timeout_s
        self._connections_max = connections_max
        self._connections: set[socket.socket] = set()
        self._changing = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        assert isinstance(request, socket.socket), "a stream server"
        with self._changing:
            is_admitted = len(self._connections) < self._connections_max
            if is_admitted:
                self._connections.add(request)
        if is_admitted:
            super().process_request(request, client_address)
            return
        request.settimeout(self.request_timeout_s)
        request.send(_BUSY)
        self.shutdown_request(request)

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        assert isinstance(request, socket.socket), "a stream server"
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changing:
                self._connections.discard(request)

    def server_close(self) -> None:
        with self._changing:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 (named by the base class)
        """A broken connection ends itself and nothing else; whatever else went wrong is said in one line."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            sys.stderr.write(f"witness: {type(error).__name__}: {error}\n")


class _Reader(io.RawIOBase):
    """Reads from a socket until a deadline that covers all of one request."""

    def __init__(self, connection: socket.socket, timeout_s: float) -> None:
        self._connection = connection
        self._timeout_s = timeout_s
        self.restart()

    def restart(self) -> None:
        self._deadline = time.monotonic() + self._timeout_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        left_s = self._deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("request took too long")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "witness"
    sys_version = ""
    server: WitnessServer

    def setup(self) -> None:
        super().setup()
        self._reader = _Reader(self.connection, self.server.request_timeout_s)
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        self._reader.restart()
        super().handle_one_request()

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/add-checkpoint":
            self._send(Answer(404, "no such route\n"), is_last=True)
        elif _LENGTH.fullmatch(length) is None or "Transfer-Encoding" in self.headers:
            self._send(Answer(411, "give the body's length\n"), is_last=True)
        elif int(length) > BODY_SIZE_BYTES_MAX:
            self._send(Answer(413, f"body is longer than {BODY_SIZE_BYTES_MAX} bytes\n"), is_last=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._send(self._add_checkpoint(body))

    def do_GET(self) -> None:
        found = _CHECKPOINT_PATH.fullmatch(self.path)
        self._send(self.server.witness.checkpoint(found[1]) if found else Answer(404, "no such route\n"))

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged one by one; their outcome is what the record keeps."""

    def _add_checkpoint(self, body: bytes) -> Answer:
        try:
            return self.server.witness.add_checkpoint(body)
        except PolicyCortexError as error:
            sys.stderr.write(f"witness: {error}\n")
            return Answer(error.http_status, "the witness cannot answer; its operator is told why\n")

    def _send(self, answer: Answer, *, is_last: bool = False) -> None:
        content = answer.body.encode("utf-8")
        self.send_response(HTTPStatus(answer.status))
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(content)))
        if is_last:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
