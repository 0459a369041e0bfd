"""Rotations, freezes and erasures in a real store: every folder verifies, or says what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from chain.cosignature import COSIGNATURE_ED25519, CosignerKey, timed_message
from chain.fsck import check_state
from chain.keys.ceremony import add_pair, end_overlap
from chain.keys.freeze import FreezeOrder, freeze
from chain.keys.key_event import Occasion
from chain.keys.tenant_log import TenantLog
from chain.note import Note, Signature, VerifierKey, parse_note, parse_verifier_key
from chain.privacy.erasure import ErasureOrder, count_commitments, erase
from chain.privacy.protection import protect
from chain.privacy.subject_keys import SubjectKeys
from chain.proof_file import verify_proof_file
from chain.tree_hash import Twin
from chain.trust import TrustPolicy, Witness
from chain.verify import VerificationReport, verify_directory
from domain.errors import ConflictError, IntegrityError
from domain.evidence import EventType
from domain.tenancy import PLATFORM
from tests.unit.chain.keys.samples import HeldKey
from tests.unit.chain.samples import ACME, NOON, AcmeLog, chain_folder, event, open_writer, published_folder

OCCASION = Occasion(NOON, "yearly rotation", "role:key-custodian")
Step = Callable[[AcmeLog, TenantLog], None]


def _add(log: AcmeLog, tenant: TenantLog) -> None:
    add_pair(tenant, tenant.keys(), OCCASION)


def _retire(log: AcmeLog, tenant: TenantLog) -> None:
    end_overlap(tenant, tenant.keys(), OCCASION)


def _withdraw(log: AcmeLog, tenant: TenantLog) -> None:
    end_overlap(tenant, tenant.keys(), OCCASION, keep_former=True)


def _publish(log: AcmeLog, tenant: TenantLog) -> None:
    log.append([event(f"after {log.shard.size}")])
    log.publish()


def _store(path: Path, *steps: Step, is_restarted: bool = False) -> list[Twin[VerifierKey]]:
    """Run a course of steps; the active keys after each publication."""
    log = open_writer(path)
    keys = []
    for step in (_publish, *steps):
        step(log, TenantLog(log.writer, ACME))
        if step is _publish:
            lines = (published_folder(path) / "verifier_keys").read_text().split("\n")
            keys.append(Twin(parse_verifier_key(lines[0]), parse_verifier_key(lines[1])))
        if is_restarted:
            log.writer.close()
            log = open_writer(path)
    log.writer.close()
    return keys


def _verify(path: Path, *keys: Twin[VerifierKey]) -> VerificationReport:
    policy = TrustPolicy(tuple(key for pair in keys for key in (pair.sha256, pair.sha3_256))) if keys else None
    return verify_directory(published_folder(path), policy=policy)


@pytest.mark.parametrize("is_restarted", [False, True])
def test_a_log_in_overlap_verifies_for_readers_of_either_key(tmp_path: Path, is_restarted: bool) -> None:
    old, new = _store(tmp_path, _add, _publish, is_restarted=is_restarted)
    assert old != new
    for trusted in ([old], [new], [old, new]):
        report = _verify(tmp_path, *trusted)
        assert (report.findings, report.key_trusted) == ((), True)
    assert _verify(tmp_path).ok
    assert len((published_folder(tmp_path) / "verifier_keys").read_text().splitlines()) == 4
    assert check_state(chain_folder(tmp_path), [published_folder(tmp_path)]).findings == ()


@pytest.mark.parametrize("is_restarted", [False, True])
def test_after_a_retirement_both_readers_verify_and_the_old_files_are_gone(tmp_path: Path, is_restarted: bool) -> None:
    old, new, last = _store(tmp_path, _add, _publish, _retire, _publish, is_restarted=is_restarted)
    assert new == last
    for trusted in (old, new):
        report = _verify(tmp_path, trusted)
        assert (report.findings, report.key_trusted) == ((), True)
    assert len((published_folder(tmp_path) / "verifier_keys").read_text().splitlines()) == 2
    state = chain_folder(tmp_path) / "logs/acme/2026"
    assert sorted(path.name for path in state.glob("log*.key")) == ["log-2.key", "log-sha3-2.key"]
    assert check_state(chain_folder(tmp_path), [published_folder(tmp_path)]).findings == ()


def test_a_withdrawn_key_leaves_the_former_one_and_a_later_rotation_works(tmp_path: Path) -> None:
    old, wrong, again, newer = _store(tmp_path, _add, _publish, _withdraw, _publish, _add, _publish)
    assert old == again
    assert len({old.sha256, wrong.sha256, newer.sha256}) == 3
    assert _verify(tmp_path, old).ok
    assert not _verify(tmp_path, wrong).key_trusted


def test_steps_may_be_repeated(tmp_path: Path) -> None:
    keys = _store(tmp_path, _add, _add, _publish, _add, _retire, _retire, _publish)
    assert len({pair.sha256 for pair in keys}) == 2
    assert _verify(tmp_path, keys[0]).ok


def test_an_overlap_does_not_end_before_readers_saw_it(tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="never replaced"):
        _store(tmp_path / "1", _retire)
    with pytest.raises(ConflictError, match="no checkpoint of the overlap"):
        _store(tmp_path / "2", _add, _retire)


def test_a_log_is_rotated_before_it_was_ever_published(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("a")])
        tenant = TenantLog(log.writer, ACME)
        assert tenant.published_size == 0
        _add(log, tenant)
        log.publish()
        _retire(log, tenant)
        log.publish()
    assert _verify(tmp_path).ok


def test_a_key_that_must_sign_and_is_lost_is_named(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        tenant = TenantLog(log.writer, ACME)
        _publish(log, tenant)
        _add(log, tenant)
        _publish(log, tenant)
        (tenant.state_directory / "log.key").unlink()
        with pytest.raises(IntegrityError, match="not held"):
            _withdraw(log, tenant)


def test_the_platforms_log_is_rotated_too(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        log.append([event("a")])
        log.publish()
        platform = TenantLog(log.writer, PLATFORM)
        platform.publish()
        new = add_pair(platform, platform.keys(), OCCASION)
        head = platform.publish()
        assert parse_note(head.checkpoint).signatures[0].key_id == new.sha256.key_id
    assert verify_directory(tmp_path / "evidence of _platform").ok


def test_a_strangers_key_or_a_newer_readers_is_not_met_by_an_older_checkpoint(tmp_path: Path) -> None:
    old, new = _store(tmp_path / "1", _add, _publish)
    (stranger,) = _store(tmp_path / "2")
    (before,) = _store(tmp_path / "3")
    for path, trusted in ((tmp_path / "1", stranger), (tmp_path / "3", new)):
        report = _verify(path, trusted)
        assert not report.ok
        assert not report.key_trusted
        assert [(finding.where, finding.field) for finding in report.findings] == [
            ("verifier_keys", "line 1"),
            ("verifier_keys", "line 2"),
        ]
        assert trusted.sha256.text in report.findings[0].expected
    assert before not in (old, new)


def test_a_changed_entry_about_keys_is_found_and_the_readers_own_key_still_counts(tmp_path: Path) -> None:
    old, new = _store(tmp_path, _add, _publish)
    bundle = max((published_folder(tmp_path) / "tile/entries/000.p").iterdir(), key=lambda path: int(path.name))
    content = bundle.read_bytes()
    bundle.write_bytes(content.replace(b"yearly rotation", b"yearly rotatiom"))
    for trusted in (old, new):
        report = _verify(tmp_path, trusted)
        assert {finding.where for finding in report.findings} == {f"tile/entries/000.p/{bundle.name}"}
    after = tmp_path / "after"
    _store(after, _add, _publish, _retire, _publish)
    (stranger,) = _store(tmp_path / "other")
    bundle = max((published_folder(after) / "tile/entries/000.p").iterdir(), key=lambda path: int(path.name))
    bundle.write_bytes(bundle.read_bytes().replace(b"yearly rotation", b"yearly rotatiom"))
    report = _verify(after, stranger)
    assert {finding.where for finding in report.findings} >= {"verifier_keys"}
    assert not report.key_trusted


def test_an_entry_about_keys_that_is_out_of_place_refutes_the_log(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        _publish(log, TenantLog(log.writer, ACME))
        body = {"use": "log", "origin": log.shard.origin, "key": "nonsense"}
        log.append([event("forged", type=EventType.KEY_RETIRED, body=body)])
        log.publish()
    (finding, *_) = _verify(tmp_path).findings
    assert finding.expected == "an entry about keys that holds"
    assert finding.entry_index == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:2] + lines[3:],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [*lines[:2], lines[3], lines[2]],
        lambda lines: [lines[2], lines[1], lines[0], lines[3]],
        lambda lines: [*lines[:2], "x" + lines[2][1:], lines[3]],
        lambda lines: [*lines, lines[3]],
        lambda lines: [*lines[:3], lines[3][:-4] + "AAA="],
    ],
)
def test_a_changed_list_of_keys_is_found(tmp_path: Path, change: Callable[[list[str]], list[str]]) -> None:
    _store(tmp_path, _add, _publish)
    path = published_folder(tmp_path) / "verifier_keys"
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
    assert not _verify(tmp_path).ok
    assert check_state(chain_folder(tmp_path), [published_folder(tmp_path)]).findings != ()


def test_every_changed_byte_of_a_checkpoint_in_overlap_is_found(tmp_path: Path) -> None:
    _store(tmp_path, _add, _publish)
    path = published_folder(tmp_path) / "checkpoint"
    content = path.read_bytes()
    for at in range(0, len(content), 3):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        assert not _verify(tmp_path).ok


def test_witnesses_cosign_a_checkpoint_in_overlap(tmp_path: Path) -> None:
    held = HeldKey("witness")
    witness = CosignerKey("example.org/witness", COSIGNATURE_ED25519, held.public)
    with open_writer(tmp_path) as log:
        tenant = TenantLog(log.writer, ACME)
        _publish(log, tenant)
        _add(log, tenant)
        _publish(log, tenant)
        note = parse_note(log.shard.head().checkpoint)
        content = (9).to_bytes(8, "big") + held.sign(timed_message(note.text, 9))
        line = Signature(witness.name, witness.key_id, content)
        head = log.shard.add_cosignatures(str(Note(note.text, (*note.signatures, line))), [witness])
        assert len(parse_note(head.checkpoint).signatures) == 3
        proof, entry = log.shard.proof_texts(1).sha256, log.shard.entry(1)
    lines = (published_folder(tmp_path) / "verifier_keys").read_text().splitlines()
    assert lines[4] == witness.text
    keys = tuple(parse_verifier_key(text) for text in lines[:4])
    policy = TrustPolicy(keys[2:], (Witness("w", witness),), quorum="w")
    report = verify_directory(published_folder(tmp_path), policy=policy)
    assert (report.findings, report.witnesses) == ((), ("w",))
    for key in (keys[0], keys[2]):
        assert verify_proof_file(proof, entry, TrustPolicy((key,))).index == 1


def test_a_frozen_log_takes_nothing_more_and_still_verifies(tmp_path: Path) -> None:
    with open_writer(tmp_path) as log:
        tenant = TenantLog(log.writer, ACME)
        _publish(log, tenant)
        marker = freeze(tenant, tenant.state_directory, ACME, FreezeOrder(NOON, "key stolen", "role:incident-lead"))
        frozen = log.writer.shard(ACME, 2026)
        size = frozen.size
        log.append([event("late")])
        assert frozen.publish().checkpoint == marker.checkpoint
    with open_writer(tmp_path) as log:
        (receipt,) = log.append([event("later")])
        assert str(receipt.id) == "2026s2-2"
        frozen = log.writer.shard(ACME, 2026)
        assert (frozen.size, frozen.head().checkpoint) == (size, marker.checkpoint)
    assert _verify(tmp_path).ok


def test_an_erasure_breaks_no_proof(tmp_path: Path) -> None:
    keys = SubjectKeys(tmp_path / "privacy", ACME)
    with open_writer(tmp_path) as log:
        body = protect({"reviewer": "ann@example.org"}, EventType.ACCESS_REVIEW, keys)
        log.append([event("review", type=EventType.ACCESS_REVIEW, body=body), event("other")])
        head = log.publish()
        proofs = [(log.shard.proof_texts(index).sha256, log.shard.entry(index)) for index in range(head.size)]
        shutil.copytree(published_folder(tmp_path), tmp_path / "before")
        erased = erase(
            keys,
            "ann@example.org",
            ErasureOrder(NOON, "GDPR article 17", "role:data-protection-officer"),
            count=lambda known: count_commitments(map(log.shard.entry, range(log.shard.size)), known),
            record=lambda event: log.append([event]),
        )
        log.publish()
    assert erased is not None
    assert erased.body["commitments"] == 1
    assert verify_directory(tmp_path / "before").ok
    report = _verify(tmp_path)
    assert report.ok
    policy = TrustPolicy((parse_verifier_key((tmp_path / "before/verifier_keys").read_text().split("\n")[0]),))
    for index, (proof, entry) in enumerate(proofs):
        assert verify_proof_file(proof, entry, policy).index == index
