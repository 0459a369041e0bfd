"""A pack of a log whose keys were replaced: who reads it with which key, and what a lie about keys comes to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

import pytest

from chain.finding import Findings
from chain.keys.ceremony import add_pair, end_overlap
from chain.keys.freeze import FreezeOrder, freeze
from chain.keys.key_event import Occasion
from chain.keys.tenant_log import TenantLog
from chain.note import VerifierKey, parse_verifier_key
from chain.pack import KEY_ENTRIES, MANIFEST, parse_manifest
from chain.pack_check import PackReport
from chain.pack_log import LogCheck
from chain.reports.packing import draft_pack, sign_pack
from chain.tree_hash import Twin
from chain.trust import TrustPolicy
from domain.errors import IntegrityError
from tests.unit.chain.packs import DAY, FIRST, check, pack_request, record_scans
from tests.unit.chain.reports.samples import signer
from tests.unit.chain.samples import ACME, Wrist, open_store, tenant_folder

PACKS = ("overlap", "overlap, events within", "before the events", "events within", "between", "after")
PLACE = f"log/2026/{KEY_ENTRIES}"


class Rotated(NamedTuple):
    """Packs of one log over its life: each with a window of its own and under the newest checkpoint of its time."""

    old: Twin[VerifierKey]
    new: Twin[VerifierKey]
    packs: Mapping[str, Mapping[str, bytes]]


def keys_of(path: Path) -> Twin[VerifierKey]:
    lines = (tenant_folder(path) / "2026/verifier_keys").read_text().splitlines()
    return Twin(parse_verifier_key(lines[0]), parse_verifier_key(lines[1]))


@cache
def rotated() -> Rotated:
    """Scans on five days, with a rotation on the second and a retirement on the fourth."""
    path, clock = Path(mkdtemp()), Wrist(FIRST)
    packs: dict[str, Mapping[str, bytes]] = {}
    with open_store(path, clock) as writer:
        log = TenantLog(writer, ACME)
        occasion = Occasion(FIRST, "yearly rotation", "role:key-custodian")

        def pack(name: str, day: int, **changes: Any) -> None:
            opens = FIRST + DAY * (day - 0.5)
            request = pack_request(path, [writer.shard(ACME)], opens=opens, closes=opens + DAY, made_at=FIRST + DAY * 9)
            source = replace(request.logs[0], **changes)
            packs[name] = sign_pack(draft_pack(replace(request, logs=(source,))), signer())

        record_scans(writer, [FIRST], clock)
        old, before = keys_of(path), writer.shard(ACME).head()
        notes = Twin(before.checkpoint, before.checkpoint_sha3)
        add_pair(log, log.keys(), occasion)
        record_scans(writer, [FIRST + DAY, FIRST + 2 * DAY], clock)
        pack("overlap", 2)
        pack("overlap, events within", 1)
        end_overlap(log, log.keys(), occasion)
        record_scans(writer, [FIRST + 3 * DAY, FIRST + 4 * DAY], clock)
        pack("before the events", 0, start_checkpoints=notes)
        pack("events within", 1)
        pack("between", 2)
        pack("after", 4)
        return Rotated(old, keys_of(path), packs)


def policy(keys: Twin[VerifierKey]) -> TrustPolicy:
    return TrustPolicy((keys.sha256, keys.sha3_256))


@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("whose", ["old", "new", "own"])
def test_a_pack_verifies_for_readers_of_either_key(name: str, whose: str) -> None:
    found = rotated()
    trusted = {"old": policy(found.old), "new": policy(found.new), "own": None}[whose]
    report = check(found.packs[name], policy=trusted)
    assert (report.findings, report.ok) == ((), True)


def test_entries_about_keys_outside_of_the_window_come_with_the_pack() -> None:
    listed = {name: PLACE in pack for name, pack in rotated().packs.items()}
    assert listed == {
        "overlap": True,
        "overlap, events within": False,
        "before the events": True,
        "events within": True,
        "between": True,
        "after": True,
    }
    assert len(json.loads(rotated().packs["after"][PLACE])) == 4


def checked(change: Callable[[list[dict[str, Any]]], object], name: str = "after", *, keys: str = "old") -> list[str]:
    """Findings over the one log of a pack whose entries about keys its maker changed."""
    found = rotated()
    files = dict(found.packs[name])
    manifest = parse_manifest(files[MANIFEST])
    entries = json.loads(files[PLACE])
    change(entries)
    files[PLACE] = json.dumps(entries).encode()
    findings = Findings()
    within = {path.removeprefix("log/2026/"): text for path, text in files.items() if path.startswith("log/2026/")}
    trusted = policy(found.old if keys == "old" else found.new)
    LogCheck(manifest.logs[0], manifest, trusted, findings).run(within, lambda *_: None)
    return [f"{finding.where} {finding.field} {finding.entry_index}" for finding in findings.all]


def test_a_reader_of_the_old_key_refuses_where_nothing_hands_over() -> None:
    assert checked(list.clear) == ["log/2026/checkpoint signed note None", "log/2026/checkpoint-sha3 signed note None"]
    assert checked(list.clear, keys="new") == []


def test_an_entry_about_keys_that_is_not_in_the_log_is_refuted() -> None:
    def other(entries: list[dict[str, Any]]) -> None:
        entries[0]["sha256"] = entries[1]["sha256"]

    index = json.loads(rotated().packs["after"][PLACE])[0]["index"]
    assert checked(other) == [f"{PLACE} proof {index}"]


def test_an_entry_about_keys_with_a_wrong_signature_is_refuted() -> None:
    def forged(entries: list[dict[str, Any]]) -> None:
        entry = json.loads(entries[0]["entry"])
        entry["body"]["endorsement"] = entry["body"]["possession"]
        entries[0]["entry"] = json.dumps(entry, separators=(",", ":"), sort_keys=True)

    assert f"{PLACE} body" in checked(forged)[0]


def test_an_entry_of_the_part_itself_or_no_list_at_all_is_refuted() -> None:
    def twice(entries: list[dict[str, Any]]) -> None:
        entries[0]["index"] = parse_manifest(rotated().packs["after"][MANIFEST]).logs[0].start

    assert checked(twice)[0].startswith(f"{PLACE} index")
    assert checked(lambda entries: entries.append({"index": 1}))[0] == f"{PLACE} form None"


def test_a_checkpoint_by_the_old_key_alone_after_its_retirement_is_refuted() -> None:
    found = rotated()

    # the overlap's own checkpoint carries both lines; with the retirement moved before it, the old line is a stranger's
    def retired_early(entries: list[dict[str, Any]]) -> None:
        late = json.loads(found.packs["after"][PLACE])
        entries += [{**item, "index": entries[-1]["index"] + 1 + at} for at, item in enumerate(late[2:])]

    assert "log/2026/checkpoint signed note None" in checked(retired_early, "overlap")


def frozen_pack(path: Path, *, day: float) -> tuple[Any, PackReport]:
    clock = Wrist(FIRST)
    with open_store(path, clock) as writer:
        record_scans(writer, [FIRST], clock)
        log = TenantLog(writer, ACME)
        freeze(log, log.state_directory, ACME, FreezeOrder(FIRST, "key stolen", "role:lead"))
        record_scans(writer, [FIRST + DAY, FIRST + 2 * DAY], clock)
        shards = writer.shards(ACME)[::-1]
        opens = FIRST + DAY * day
        request = pack_request(path, shards, opens=opens, closes=opens + 9 * DAY, made_at=opens + 20 * DAY)
        return request, check(sign_pack(draft_pack(request), signer()))


def test_a_window_over_a_freeze_holds_both_logs_and_their_join(tmp_path: Path) -> None:
    request, report = frozen_pack(tmp_path, day=-0.5)
    assert (report.findings, [log.part.folder for log in report.logs]) == ((), ["log/2026", "log/2026s2"])
    assert any(name.startswith("2026s2-") for name in (log.part.entry_name(0) for log in report.logs))
    lines = [
        line for path in tenant_folder(tmp_path).iterdir() for line in (path / "verifier_keys").read_text().split()
    ]
    trusted = TrustPolicy(tuple(map(parse_verifier_key, lines)))
    files = sign_pack(draft_pack(request), signer())
    assert check(files, policy=trusted).ok
    alone = replace(request, logs=request.logs[1:])
    with pytest.raises(IntegrityError, match="does not verify"):
        sign_pack(draft_pack(alone), signer())
    turned = replace(request, logs=request.logs[::-1])
    with pytest.raises(IntegrityError, match="does not verify"):
        sign_pack(draft_pack(turned), signer())


def test_a_successor_beside_a_frozen_log_that_is_cut_short_is_refuted(tmp_path: Path) -> None:
    clock = Wrist(FIRST)
    with open_store(tmp_path, clock) as writer:
        record_scans(writer, [FIRST, FIRST + DAY], clock)
        log = TenantLog(writer, ACME)
        freeze(log, log.state_directory, ACME, FreezeOrder(FIRST, "key stolen", "role:lead"))
        record_scans(writer, [FIRST + 2 * DAY], clock)
        opens, closes = FIRST - DAY / 2, FIRST + DAY / 2
        both = pack_request(tmp_path, writer.shards(ACME)[::-1], opens=opens, closes=closes, made_at=closes + 9 * DAY)
        with pytest.raises(IntegrityError, match="does not verify") as refuted:
            sign_pack(draft_pack(both), signer())
        assert "not here up to its end" in str(refuted.value)
        frozen = replace(both, logs=both.logs[:1])
        assert check(sign_pack(draft_pack(frozen), signer())).ok
