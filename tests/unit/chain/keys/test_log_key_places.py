"""Every tree of every log has a key of its own, wherever keys are kept; a rotation goes on to the next generation."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chain.keys.ceremony import add_pair, end_overlap
from chain.keys.key_event import Occasion
from chain.keys.key_text import format_private_key
from chain.keys.log_key_places import LogKeyPlaces, parse_log_reference
from chain.keys.reference import KeySources, no_secrets
from chain.keys.tenant_log import TenantLog
from chain.verify import verify_directory
from chain.writer import LOGS
from domain.errors import ConflictError, InputError, NotFound
from domain.tenancy import PLATFORM
from tests.unit.chain.keys.samples import HeldKey
from tests.unit.chain.samples import ACME, NOON, ORIGIN, PREFIX, chain_folder, event, open_writer, tenant_folder

PATTERN = "{tenant}_{log}_{tree}_{generation}"
OCCASION = Occasion(NOON, "yearly rotation", "role:key-custodian")


def look_up(variables: Mapping[str, str], name: str) -> str:
    if name not in variables:
        raise NotFound("no such variable", variable=name)
    return variables[name]


def variables_of(generation: int, tenant: str = "acme") -> dict[str, str]:
    names = {"SHA256": f"{PREFIX}/{tenant}/2026", "SHA3_256": f"{PREFIX}/{tenant}/2026/sha3-256"}
    return {
        f"LOG_KEY_{tenant.upper()}_2026_{tree}_{generation}": format_private_key(name, Ed25519PrivateKey.generate())
        for tree, name in names.items()
    }


def places(path: Path, variables: Mapping[str, str], pattern: str = f"env:LOG_KEY_{PATTERN}") -> LogKeyPlaces:
    sources = KeySources(partial(look_up, variables), log_key=HeldKey)
    return LogKeyPlaces(chain_folder(path) / LOGS, sources, parse_log_reference(pattern))


def test_a_log_signs_with_keys_in_variables_and_rotates_to_the_next_generation(tmp_path: Path) -> None:
    variables = variables_of(1) | variables_of(1, PLATFORM)
    found = places(tmp_path, variables)
    with open_writer(tmp_path, signers=found.held) as log:
        log.append([event("a")])
        log.publish()
        tenant = TenantLog(log.writer, ACME)
        with pytest.raises(ConflictError, match="no new pair") as refused:
            add_pair(tenant, found.of(ORIGIN), OCCASION)
        assert refused.value.facts["expected"] == ["LOG_KEY_ACME_2026_SHA256_2", "LOG_KEY_ACME_2026_SHA3_256_2"]
        variables |= variables_of(2)
        added = add_pair(tenant, found.of(ORIGIN), OCCASION)
        log.publish()
        end_overlap(tenant, found.of(ORIGIN), OCCASION)
        log.publish()
        assert log.shard.signers().sha256.key == added.sha256
    assert verify_directory(tenant_folder(tmp_path)).findings == ()
    assert not list((chain_folder(tmp_path) / LOGS).rglob("log*.key"))
    assert not any("PRIVATE" in path.read_text("latin-1") for path in tmp_path.rglob("*") if path.is_file())


def test_a_first_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    with open_writer(tmp_path, signers=places(tmp_path, {}).held) as log, pytest.raises(NotFound) as refused:
        log.append([event("a")])
    assert refused.value.facts["variable"] == "LOG_KEY_ACME_2026_SHA256_1"


def test_keys_of_a_key_service_are_named_by_log_and_tree(tmp_path: Path) -> None:
    found = places(tmp_path, {}, f"aws-kms:alias/{PATTERN}").of(f"{ORIGIN}/s2").held()
    assert found[0].sha256.key.public == HeldKey("alias/acme_2026s2_sha256_1").public
    assert found[0].sha3_256.key.public == HeldKey("alias/acme_2026s2_sha3-256_1").public
    assert len(found) == 100


def test_files_may_be_in_a_folder_of_their_own(tmp_path: Path) -> None:
    found = places(tmp_path, {}, f"file:{tmp_path / 'keys'}")
    with open_writer(tmp_path, signers=found.held) as log:
        log.append([event("a")])
        log.publish()
    assert sorted(path.name for path in (tmp_path / "keys/acme/2026").iterdir()) == ["log-sha3.key", "log.key"]


def test_places_travel_to_another_process_without_a_secret(tmp_path: Path) -> None:
    found = LogKeyPlaces(tmp_path, KeySources(no_secrets), parse_log_reference(f"env:LOG_KEY_{PATTERN}"))
    copied = pickle.loads(pickle.dumps(found))
    with pytest.raises(InputError, match="no secret can be reached"):
        copied.held(ORIGIN)


@pytest.mark.parametrize(
    "text",
    [
        "env:LOG_KEY",
        "env:LOG_KEY_{tenant}_{log}_{tree}",
        "env:{tenant}{log}{tree}{generation}{tree}",
        "aws-kms:alias/{tenant}-{log}-{tree}-{generation!r}",
        "aws-kms:alias/{tenant}-{log}-{tree}-{generation}-{",
        "file:/keys/{tenant}",
    ],
)
def test_a_pattern_that_does_not_tell_keys_apart_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="does not tell one key from another"):
        parse_log_reference(text)
