"""Damaged vectors: whatever is wrong with a file, the runner ends with a report."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.conformance.__main__ import exit_status, format_report
from chain.conformance.runner import run
from tests.unit.chain.published import ECDSA_KEY, b64, pem, signed, verifier_key, write
from tests.unit.chain.test_conformance_files import numbers, response, stamp
from tests.unit.chain.test_conformance_json import PROBES, bundle
from tests.unit.chain.test_conformance_logs import small_log

_PIECES = (b"null", b"[", b"{", b"-1", b"1e999", b'"', b"\xff", bytes(8), b"9" * 40, b"true", b"[[[[", b"\n\n")


def corpora() -> dict[str, dict[str, bytes | str]]:
    note = {"name": "n", "note_b64": b64(signed("words\n", "a").encode()), "known_vkeys": [verifier_key("a")]}
    return {
        "log": small_log(),
        "rekor": {"bundle.json": json.dumps(bundle()), "key.pem": pem(ECDSA_KEY)},
        "probes": {"probes.json": json.dumps([case() for case in PROBES.values()])},
        "notes": {"notes.json": json.dumps({"cases": [{**note, "want_ok": True}]}), "note": signed("words\n", "a")},
        "stamps": {"a.txt": b"document", "a.txt.ots": stamp(b"document")},
        "digests": {"a.rsp": response("SHA3-256", "sha3_256")},
        "documents": {"input/a.json": '{"b": 1.0}', "output/a.json": '{"b":1}', "outhex/a.txt": "7b2262223a317d"},
        "numbers": {"n.txt": numbers((1.5, "1.5"), (2.0, "2"))},
    }


def damaged(content: bytes, *, seed: int) -> Iterator[bytes]:
    source = random.Random(seed)
    for _ in range(5):
        at = source.randrange(len(content))
        yield content[:at]
        yield content[:at] + bytes([content[at] ^ 1 << source.randrange(8)]) + content[at + 1 :]
        yield content[:at] + source.choice(_PIECES) + content[at:]


@pytest.mark.parametrize("name", corpora())
def test_damage_to_any_file_ends_in_a_report_and_never_in_a_crash(name: str, tmp_path: Path) -> None:
    files = corpora()[name]
    assert exit_status(run(write(tmp_path, files))) == 0
    statuses = set()
    for path, text in files.items():
        content = text.encode() if isinstance(text, str) else text
        for change in damaged(content, seed=len(content)):
            report = run(write(tmp_path, {path: change}))
            assert "crashed" not in "".join(format_report(report)), (path, change)
            statuses.add(exit_status(report))
        write(tmp_path, {path: content})
    assert len(statuses) > 1
