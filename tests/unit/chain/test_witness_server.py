"""The witness over a real loopback port: its two routes, its limits, and its command line."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chain.signer import FileSigner
from chain.witness.__main__ import main
from chain.witness.record import origin_hash
from chain.witness.server import WitnessServer
from chain.witness.submission import BODY_SIZE_BYTES_MAX
from tests.unit.chain.samples import ORIGIN
from tests.unit.chain.witnesses import NAME, SmallLog, serving, witness_of

LOG = SmallLog()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with witness_of(tmp_path, LOG.key) as witness, serving(witness) as url:
        yield url


def connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)


def exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, str, str]:
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.headers["Content-Type"], response.read().decode()


def test_one_connection_serves_every_answer_of_the_protocol(url: str) -> None:
    connection = connect(url)
    path = f"/{origin_hash(ORIGIN)}/checkpoint"
    assert exchange(connection, "GET", path)[0] == 404
    assert exchange(connection, "POST", "/add-checkpoint", b"nonsense")[0] == 400
    assert exchange(connection, "POST", "/add-checkpoint", LOG.body(3, 9))[:3] == (409, "text/x.tlog.size", "0\n")
    status, _, lines = exchange(connection, "POST", "/add-checkpoint", LOG.body(0, 5))
    assert (status, lines[:2]) == (200, "\u2014 ")
    assert exchange(connection, "GET", path) == (200, "text/plain; charset=utf-8", LOG.note(5) + lines)
    assert exchange(connection, "GET", "/")[0] == 404
    connection.close()


def test_what_cannot_be_a_request_ends_the_connection(url: str) -> None:
    too_long = str(BODY_SIZE_BYTES_MAX + 1)
    for path, headers, status in (
        ("/elsewhere", {}, 404),
        ("/add-checkpoint", {"Content-Length": "-1"}, 411),
        ("/add-checkpoint", {"Transfer-Encoding": "chunked"}, 411),
        ("/add-checkpoint", {"Content-Length": too_long}, 413),
    ):
        connection = connect(url)
        assert exchange(connection, "POST", path, b"", **headers)[0] == status
        connection.close()


def test_a_request_that_does_not_arrive_in_time_is_dropped(tmp_path: Path) -> None:
    starts = (b"", b"POST /add-checkpoint HT", b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9\r\n\r\nold")
    for timeout_s, start in [*((0.05, start) for start in starts), (0, starts[0])]:
        with witness_of(tmp_path, LOG.key) as witness, serving(witness, request_timeout_s=timeout_s) as url:
            host, port = str(urlsplit(url).hostname), int(urlsplit(url).port or 0)
            with socket.create_connection((host, port), timeout=10) as client:
                client.sendall(start)
                assert client.recv(100) == b""


def test_a_body_that_ends_early_is_not_answered(url: str) -> None:
    host, port = str(urlsplit(url).hostname), int(urlsplit(url).port or 0)
    with socket.create_connection((host, port), timeout=10) as client:
        client.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 9\r\n\r\nold")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""


def test_more_connections_than_the_limit_are_told_to_come_back(tmp_path: Path) -> None:
    with witness_of(tmp_path, LOG.key) as witness, serving(witness, connections_max=1) as url:
        first, second = connect(url), connect(url)
        assert exchange(first, "GET", "/")[0] == 404
        second.connect()
        response = http.client.HTTPResponse(second.sock)
        response.begin()
        assert (response.status, response.headers["Retry-After"]) == (503, "1")
        response.close()
        first.close()
        second.close()


def test_a_server_that_closes_ends_the_connections_it_kept_open(tmp_path: Path) -> None:
    with witness_of(tmp_path, LOG.key) as witness:
        with serving(witness, request_timeout_s=60) as url:
            connection = connect(url)
            assert exchange(connection, "GET", "/")[0] == 404
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            exchange(connection, "POST", "/add-checkpoint", LOG.body(0, 5))
        connection.close()
        assert witness.checkpoint(origin_hash(ORIGIN)).status == 404


def test_a_damaged_record_answers_nothing_but_says_so_to_the_operator(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = connect(url)
    assert exchange(connection, "POST", "/add-checkpoint", LOG.body(0, 5))[0] == 200
    (tmp_path / "record/log" / origin_hash(ORIGIN)).write_text("damaged")
    assert exchange(connection, "POST", "/add-checkpoint", LOG.body(5, 6))[0] == 500
    connection.close()
    assert "record is damaged" in capsys.readouterr().err


def test_a_fault_of_one_connection_is_told_and_ends_it_alone(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = connect(url)
    (tmp_path / "record/log").chmod(0o700)
    (tmp_path / "record/log" / origin_hash(ORIGIN)).mkdir()
    with pytest.raises(http.client.RemoteDisconnected):
        exchange(connection, "POST", "/add-checkpoint", LOG.body(0, 5))
    (tmp_path / "record/log" / origin_hash(ORIGIN)).rmdir()
    assert exchange(connection, "POST", "/add-checkpoint", LOG.body(0, 5))[0] == 200
    connection.close()
    assert "IsADirectoryError" in capsys.readouterr().err


def arguments(path: Path, *more: str) -> list[str]:
    return [
        *("--state", str(path / "state"), "--key", str(path / "key"), "--name", NAME),
        *("--listen", "127.0.0.1:0", "--log", LOG.key.text, *more),
    ]


def test_the_command_serves_until_it_is_interrupted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[bytes] = []

    def ask(server: WitnessServer) -> None:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/add-checkpoint"
        answers.append(urllib.request.urlopen(url, LOG.body(0, 5), timeout=10).read())
        server.shutdown()
        thread.join()
        raise KeyboardInterrupt

    assert main(arguments(tmp_path, "--mldsa44-key", str(tmp_path / "mldsa44.key")), serve=ask) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith(f"witness {NAME} {NAME}+") for line in lines] == [True, True]
    assert answers[0].decode().count(NAME) == 2


def test_the_command_takes_a_file_and_the_command_line_wins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"name": "witness.example/file", "state": str(tmp_path / "state"), "key": str(tmp_path / "key")}
    lines = [f"{name} = {json.dumps(text)}" for name, text in told.items()]
    lines += ['listen = "127.0.0.1:0"', f"logs = [{json.dumps(LOG.key.text)}]"]
    (tmp_path / "witness.toml").write_text("\n".join(lines))
    given = ["--config", str(tmp_path / "witness.toml")]
    assert main(given, serve=lambda _: None) == 0
    assert "witness.example/file+" in capsys.readouterr().out
    assert main([*given, "--name", NAME, "--key", str(tmp_path / "other.key")], serve=lambda _: None) == 0
    assert f"{NAME}+" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot read"),
        ("= 1", "cannot read"),
        ("colour = 'red'", "'colour'"),
        ("name = 5", "'name'"),
        ("logs = 'all'", "logs"),
        ("logs = [1]", "logs"),
        ("name = 'a b'\nstate='s'\nkey='k'\nlisten='127.0.0.1:0'", "witness's name"),
        ("name = 'w'\nstate='s'\nkey='k'\nlisten='here'", "address"),
        ("name = 'w'\nstate='s'\nkey='k'\nlisten='127.0.0.1:99999'", "address"),
        ("name = 'w'", "missing=['state', 'key', 'listen']"),
    ],
)
def test_a_witness_that_is_told_nonsense_does_not_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, fault: str
) -> None:
    path = tmp_path / "witness.toml"
    if content is not None:
        path.write_text(content)
    assert main(["--config", str(path)]) == 2
    assert fault in capsys.readouterr().err
    assert [item.name for item in tmp_path.iterdir()] == ([] if content is None else ["witness.toml"])


def test_a_taken_port_or_anothers_key_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main([*arguments(tmp_path), "--listen", f"127.0.0.1:{taken.getsockname()[1]}"]) == 2
    assert "in use" in capsys.readouterr().err
    FileSigner(tmp_path / "others.key", name="witness.example/other")
    assert main(arguments(tmp_path, "--key", str(tmp_path / "others.key"))) == 2
    assert "not the signing key" in capsys.readouterr().err
