"""What anchors' servers may do wrong over HTTP and JSON-RPC, and Bitcoin coins as a wallet lists them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from botocore.stub import Stubber
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from chain.anchors.bitcoin import commitment_at
from connectors.anchors.bitcoin import Bitcoin, CoinSource, Network, branch_of
from connectors.anchors.bitcoin_transaction import Coin, SigningKey, double_sha256, make_transaction
from connectors.anchors.json_rpc import Node
from connectors.anchors.s3_object_lock import S3ObjectLock
from connectors.anchors.s3_object_lock import connect as connect_s3
from connectors.http_call import Bounds, call, require_ok
from domain.anchoring import AnchorKind, AnchorReceipt
from domain.errors import InputError, IntegrityError, UnavailableError
from tests.servers.loopback import listening

KEY = SigningKey.of(bytes(31) + b"\x01")
NOTE = b"a note\n"
_NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_LATE = _NOW + timedelta(days=9_999)
_ANY_KEY = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
Respond = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def _server(respond: Respond) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            respond(self)

        def do_POST(self) -> None:
            respond(self)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with listening(Handler) as url:
        yield url


def _sending(status: int, body: bytes, **headers: str) -> Respond:
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    return respond


@contextmanager
def _node(results: dict[str, Any]) -> Iterator[Node]:
    """A node that has one answer to each method, or an error."""

    def respond(request: BaseHTTPRequestHandler) -> None:
        asked = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        result = results.get(asked["method"])
        answer = {"error": {"code": -32601}} if result is None else {"result": result}
        _sending(200, json.dumps(answer).encode())(request)

    with _server(respond) as url:
        yield Node(url)


def test_a_redirect_is_not_followed() -> None:
    with _server(_sending(302, b"", Location="http://127.0.0.1:1/")) as url:
        answer = call(url)
    assert answer.status == 302
    with pytest.raises(UnavailableError, match="as it must"):
        require_ok(answer, url)


def test_an_answer_that_is_too_long_is_cut_off() -> None:
    with _server(_sending(200, b"x" * 2000)) as url, pytest.raises(UnavailableError, match="too long or too slow"):
        call(url, bounds=Bounds(size_bytes_max=1000))


def test_an_answer_that_trickles_is_cut_off() -> None:
    def respond(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        with suppress(BrokenPipeError):
            for _ in range(20):
                request.wfile.write(b"x")
                request.wfile.flush()
                time.sleep(0.05)

    with _server(respond) as url, pytest.raises(UnavailableError, match="too long or too slow"):
        call(url, bounds=Bounds(deadline_s=0.2))


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="no answer"):
        call("http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http://user:pw@127.0.0.1/"])
def test_an_address_that_is_not_plain_http_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InputError, match="not an address") as caught:
        call(url)
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_an_answer_that_is_not_json_rpc_is_unavailable(body: bytes) -> None:
    with _server(_sending(401, body)) as url, pytest.raises(UnavailableError, match="not JSON-RPC"):
        Node(url, "user", "secret").ask("getinfo")


def test_a_nodes_refusal_is_unavailable_and_its_password_is_not_shown() -> None:
    with _node({}) as node, pytest.raises(UnavailableError, match="node refused"):
        node.ask("getinfo")
    assert "secret" not in repr(Node("http://127.0.0.1/", "user", "secret"))


@contextmanager
def _store(put: dict[str, Any], head: dict[str, Any] | None) -> Iterator[S3ObjectLock]:
    """A store that answers so to the one object that is put and looked at."""
    client = connect_s3(endpoint_url="http://127.0.0.1:9/", region="eu-central-1", credentials=_ANY_KEY)
    with Stubber(client) as stub:
        stub.add_response(
            "get_object_lock_configuration", {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
        )
        stub.add_response("put_object", put)
        if head is not None:
            stub.add_response("head_object", head)
        yield S3ObjectLock("s3", "bucket", client, now=lambda: _NOW)


@pytest.mark.parametrize(
    ("put", "head"),
    [
        ({}, None),
        ({"VersionId": "null"}, None),
        ({"VersionId": "1"}, {"LastModified": _NOW}),
        (
            {"VersionId": "1"},
            {"LastModified": _NOW, "ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": _LATE},
        ),
        ({"VersionId": "1"}, {"LastModified": _NOW, "ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": _NOW}),
        (
            {"VersionId": "1"},
            {
                "LastModified": _NOW - timedelta(days=9),
                "ObjectLockMode": "COMPLIANCE",
                "ObjectLockRetainUntilDate": _NOW + timedelta(days=366 * 7),
            },
        ),
    ],
)
def test_a_store_that_keeps_less_than_was_asked_is_noticed(put: dict[str, Any], head: dict[str, Any] | None) -> None:
    with _store(put, head) as target, pytest.raises(IntegrityError, match="locked as asked"):
        target.anchor(NOTE)


def test_a_store_that_refuses_is_unavailable() -> None:
    client = connect_s3(endpoint_url="http://127.0.0.1:9/", region="eu-central-1", credentials=_ANY_KEY)
    target = S3ObjectLock("s3", "bucket", client)
    receipt = AnchorReceipt(
        AnchorKind.S3_OBJECT_LOCK, "s3", "00" * 32, _NOW, is_final=True, facts={"key": "a", "version_id": "1"}
    )
    with Stubber(client) as stub:
        stub.add_response(
            "get_object_lock_configuration", {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}
        )
        stub.add_client_error("put_object", "AccessDenied", http_status_code=403)
        stub.add_client_error("head_object", "AccessDenied", http_status_code=403)
        with pytest.raises(UnavailableError, match="PutObject"):
            target.anchor(NOTE)
        with pytest.raises(UnavailableError, match="HeadObject"):
            target.complete(receipt)


def test_a_wallets_largest_coin_of_our_key_is_spent() -> None:
    coin = {"txid": "11" * 32, "vout": 1, "scriptPubKey": KEY.script.hex()}
    listed = [
        {**coin, "amount": 0.00002},
        {**coin, "txid": "22" * 32, "amount": 0.1},
        {**coin, "amount": 7, "scriptPubKey": "51"},
    ]
    with _node({"listunspent": listed, "sendrawtransaction": "sent"}) as node:
        receipt = Bitcoin("btc", node, KEY).anchor(NOTE)
    transaction = receipt.files["transaction.bin"]
    assert transaction[5:37] == bytes.fromhex("22" * 32)
    assert commitment_at(transaction, hashlib.sha256(NOTE).digest()) > 0


@pytest.mark.parametrize("coins", list(CoinSource))
def test_a_key_without_money_says_where_to_send_some(coins: CoinSource) -> None:
    young = {"vin": [{"coinbase": "00"}], "vout": [], "confirmations": 5, "txid": "33" * 32}
    with _node({"listunspent": [], "searchrawtransactions": [young]}) as node:
        target = Bitcoin("btc", node, KEY, Network.MAIN, coins)
        with pytest.raises(InputError, match="no money") as caught:
            target.anchor(NOTE)
    assert "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH" in str(caught.value)


def test_a_block_that_is_not_the_one_asked_for_is_refused() -> None:
    transaction = make_transaction(KEY, Coin("11" * 32, 0, 9_000), note_sha256=bytes(32), fee=1_000)
    receipt = AnchorReceipt(
        AnchorKind.BITCOIN, "btc", "00" * 32, None, is_final=False, files={"transaction.bin": transaction}
    )
    found = {"confirmations": 6, "blockhash": "44" * 32}
    results = {"getrawtransaction": found, "getblockheader": "00" * 80, "getblock": {"tx": [], "height": 1}}
    with _node(results) as node, pytest.raises(IntegrityError, match="not the one asked for"):
        Bitcoin("btc", node, KEY).complete(receipt)


def test_signatures_are_those_of_the_key_and_have_the_lower_s() -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    for n in range(16):
        digest = hashlib.sha256(bytes([n])).digest()
        signature = KEY.sign(digest)
        KEY.private.public_key().verify(signature, digest, ec.ECDSA(Prehashed(SHA256())))
        assert decode_dss_signature(signature)[1] <= order // 2


@pytest.mark.parametrize("secret", [b"", bytes(32), b"\xff" * 32])
def test_a_number_that_is_no_key_is_refused(secret: bytes) -> None:
    with pytest.raises(InputError, match="not a Bitcoin key"):
        SigningKey.of(secret)


def test_an_address_begins_with_a_one_for_each_leading_zero_byte() -> None:
    assert KEY.address(0x00) == "1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH"
    assert KEY.address(0x6F) == "mrCDrCybB6J1vRfbwM5hemdJz73FwDBC8r"


def test_a_machine_without_ripemd160_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, data: bytes) -> None:
        raise ValueError(name)

    monkeypatch.setattr("hashlib.new", refuse)
    with pytest.raises(InputError, match="RIPEMD-160"):
        _ = KEY.script


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_every_transactions_branch_leads_to_the_same_root(count: int) -> None:
    leaves = [double_sha256(bytes([n])) for n in range(count)]
    roots = set()
    for index, leaf in enumerate(leaves):
        branch = branch_of(leaves, index)
        node, place = leaf, branch["index"]
        for step in map(bytes.fromhex, branch["path"]):
            node = double_sha256(step + node if place & 1 else node + step)
            place >>= 1
        roots.add(node)
    assert len(roots) == 1
