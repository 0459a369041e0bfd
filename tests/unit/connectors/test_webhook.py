from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.webhook import signature
from connectors.webhook.target import Allowed, check_target
from domain.errors import AccessDenied, InputError, UnavailableError

PUBLIC = "93.184.216.34"


def at(*addresses: str) -> Callable[[str, int], Sequence[str]]:
    return lambda host, port: addresses


def test_a_signature_holds_for_its_secret_body_and_time_alone() -> None:
    header = signature.sign("whsec_a", b"body", 1_000)
    signature.verify("whsec_a", b"body", header, 1_100)
    for secret, body, now_s in (("whsec_b", b"body", 1_000), ("whsec_a", b"Body", 1_000), ("whsec_a", b"body", 2_000)):
        with pytest.raises(AccessDenied):
            signature.verify(secret, body, header, now_s)
    with pytest.raises(AccessDenied):
        signature.verify("whsec_a", b"body", header.replace("t=1000", "t=1001"), 1_000)
    with pytest.raises(AccessDenied):
        signature.verify("whsec_a", b"body", "nonsense", 1_000)


@given(st.binary(), st.integers(0, 2**40))
def test_every_message_verifies_under_its_own_secret(body: bytes, at_s: int) -> None:
    secret = signature.new_secret()
    signature.verify(secret, body, signature.sign(secret, body, at_s), at_s)


def test_secrets_are_not_repeated() -> None:
    assert signature.new_secret() != signature.new_secret()


def test_a_public_host_over_tls_is_allowed() -> None:
    target = check_target("https://hooks.example.com/drift?x=1", Allowed(), at(PUBLIC))
    assert (target.host, target.port, target.address, target.path) == (
        "hooks.example.com",
        443,
        PUBLIC,
        "/drift?x=1",
    )


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::1",
        "ff02::1",
        "2001:0:53aa:64c:0:0:0:1",
    ],
)
def test_an_address_that_is_not_public_is_refused_in_every_spelling(address: str) -> None:
    with pytest.raises(InputError) as refused:
        check_target("https://hooks.example.com/", Allowed(), at(address))
    assert "webhook_allowed" in str(refused.value.facts["todo"])


def test_a_name_with_one_bad_address_among_good_ones_is_refused() -> None:
    with pytest.raises(InputError):
        check_target("https://hooks.example.com/", Allowed(), at(PUBLIC, "10.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://hooks.example.com:22/",
        "https://user:word@hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "https:///path",
        "https://hooks.example.com/#part",
        "nonsense",
        "https://hooks.example.com:99999/",
    ],
)
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    with pytest.raises(InputError) as refused:
        check_target(url, Allowed(), at(PUBLIC))
    assert "word" not in str(refused.value.facts)


def test_an_operator_may_allow_hosts_addresses_and_networks() -> None:
    allowed = Allowed.of(["hooks.internal", "127.0.0.1", "10.1.0.0/16"])
    assert check_target("http://hooks.internal:9000/", allowed, at("10.9.9.9")).port == 9000
    assert check_target("http://127.0.0.1:9000/", allowed, at("127.0.0.1")).is_encrypted is False
    assert check_target("https://other/", allowed, at("10.1.2.3")).address == "10.1.2.3"
    with pytest.raises(InputError):
        check_target("https://other/", allowed, at("10.2.2.3"))


def test_a_name_without_an_address_is_told_as_such() -> None:
    with pytest.raises(UnavailableError):
        check_target("https://no-such-host.invalid/", Allowed())
