"""Small packs for tests: a log of three scans at noon of three days, and everything that is made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from chain.batch import EntryBatch
from chain.note import parse_verifier_key
from chain.pack import ENVELOPE, MANIFEST, POLICY, STATEMENT, encode_json, parse_manifest
from chain.pack_archive import PackMemory
from chain.pack_check import PackReport, verify_files
from chain.pack_statement import subject_json
from chain.reports.evidence import digest_of
from chain.reports.packing import draft_pack, sign_pack
from chain.reports.source import LogSource, PackRequest
from chain.reports.statement import sign_statement
from chain.shard import ShardLog
from chain.tree_hash import Twin
from chain.writer import EvidenceWriter
from domain.evidence import Artifact, EventType, EvidenceEvent
from domain.value import Json
from tests.unit.chain.reports.samples import signer
from tests.unit.chain.samples import ACME, Wrist, open_store, tenant_folder

FIRST = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
CIS: list[Json] = [{"framework": "CIS", "id": "1.1"}]


def scan_events(at: datetime, *, violations: int) -> list[EvidenceEvent]:
    """What one small scan records."""
    found = [
        (EventType.EVIDENCE_COLLECTED, {"file": "a.json", "records": 7, "gaps": 1}),
        (
            EventType.POLICY_EVALUATED,
            {
                "policy": "pcg-open",
                "severity": "critical",
                "state": "ran",
                "resources": 5,
                "compliant": 5 - violations,
                "violations": violations,
                "exempt": 0,
                "unknown": 0,
                "controls": CIS,
            },
        ),
        (EventType.COMPLIANCE_CHECKED, {"resources": 5}),
    ]
    return [
        EvidenceEvent(ACME, f"{at.isoformat()}-{kind.value}", kind, at, body, _artifacts(kind, at))  # type: ignore[arg-type]
        for kind, body in found
    ]


def _artifacts(kind: EventType, at: datetime) -> Mapping[str, Artifact]:
    if kind is not EventType.POLICY_EVALUATED:
        return {}
    verdicts = Artifact("application/x-ndjson", f'["one","violation","{at:%d}"]\n'.encode())
    return {"verdicts": verdicts, "again": verdicts}


def record_scans(writer: EvidenceWriter, times: Sequence[datetime], clock: Wrist) -> None:
    """A scan at each time, each with more violations than the one before, published at once."""
    for number, at in enumerate(times):
        clock.time = at
        writer.append(EntryBatch.encode(scan_events(at, violations=number)))
        writer.publish(ACME, at)


def log_source(shard: ShardLog) -> LogSource:
    folder = shard.place.folder
    assert isinstance(folder, Path), "a log in a bucket has no folder"
    lines = (folder / "verifier_keys").read_text().splitlines()
    keys = Twin(*(parse_verifier_key(line) for line in lines[:2]))
    return LogSource(str(shard.name), shard, keys, key_entries=tuple(shard.log.key_entries))


def read_artifact(folder: Path, sha256: str) -> bytes | None:
    path = next(folder.glob(f"*/artifact/{sha256}"), None)
    return None if path is None else path.read_bytes()


def pack_request(path: Path, logs: Sequence[ShardLog], **changes: object) -> PackRequest:
    options: dict[str, object] = {
        "tenant": str(ACME),
        "opens": FIRST + DAY / 2,
        "closes": FIRST + DAY * 1.5,
        "made_at": FIRST + DAY * 3,
        "logs": tuple(log_source(shard) for shard in logs),
        "artifacts": lambda sha256: read_artifact(tenant_folder(path), sha256),
        "expected": ("PolicyEvaluated", "access_review"),
    }
    return PackRequest(**{**options, **changes})  # type: ignore[arg-type]


@cache
def small_request() -> PackRequest:
    """A window around the second of three scans."""
    path, clock = Path(mkdtemp()), Wrist(FIRST)
    writer = open_store(path, clock)
    record_scans(writer, [FIRST, FIRST + DAY, FIRST + 2 * DAY], clock)
    return pack_request(path, [writer.shard(ACME)])


@cache
def small_pack() -> Mapping[str, bytes]:
    """The files of a pack over that window."""
    return sign_pack(draft_pack(small_request()), signer())


def check(files: Mapping[str, bytes], **options: object) -> PackReport:
    return verify_files(PackMemory(files), **options)  # type: ignore[arg-type]


def signed_again(changed: Mapping[str, bytes | None], **predicate: Json) -> dict[str, bytes]:
    """The small pack with some files changed or gone, listed and signed again by its own key: a lie of its maker."""
    files = {name: content for name, content in {**small_pack(), **changed}.items() if content is not None}
    if MANIFEST not in changed:
        evidence = [name for name in files if name.startswith(("log/", "artifacts/", "anchors/")) or name == POLICY]
        manifest = parse_manifest(files[MANIFEST])
        files[MANIFEST] = replace(manifest, files={name: digest_of(files[name]) for name in sorted(evidence)}).encode()
    covered = {name: content for name, content in files.items() if name not in {STATEMENT, ENVELOPE}}
    statement = json.loads(small_pack()[STATEMENT])
    statement["subject"] = [subject_json(name, digest_of(content)) for name, content in sorted(covered.items())]
    statement["predicate"] |= {"manifest_sha256": digest_of(covered[MANIFEST]).sha256, **predicate}
    return {**covered, **sign_statement(encode_json(statement), signer())}


def with_manifest(**changes: Any) -> dict[str, bytes]:
    """The small pack with another manifest, signed again."""
    manifest = replace(parse_manifest(small_pack()[MANIFEST]), **changes)
    return signed_again({MANIFEST: manifest.encode()})
