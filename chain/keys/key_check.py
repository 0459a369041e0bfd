"""Checking, over all entries of a folder, that its checkpoints are signed by keys that were the log's.

A fault is found with the entry that is malformed or out of place, or with the key that the entries or the reader do not
bear out. Where an entry is refuted, none about keys is believed: the reader's keys must then have signed themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

from chain.finding import Findings
from chain.keys.history import KeyHistory, check_signers, read_history
from chain.layout import KEYS_FILE, TILE_WIDTH, bundles
from chain.note import VerifierKey
from chain.tile_check import Contents
from chain.tree_hash import Twin
from chain.trust import TrustPolicy
from domain.errors import IntegrityError


def check_keys(
    findings: Findings, contents: Contents, signers: Twin[tuple[VerifierKey, ...]], trusted: TrustPolicy | None
) -> bool:
    """Check both trees' keys; whether the reader's keys vouch for them.

    Args:
        signers: keys whose signatures the checkpoints carry, all of them verified.
        trusted: the reader's policy; without one only the log's own account is checked.
    """
    count = len(findings.all)
    for line, keys in enumerate((signers.sha256, signers.sha3_256), start=1):
        known = None if trusted is None else [key for key in trusted.keys if key.name == keys[0].name]
        history = None if contents.bad else _history(findings, contents, keys[0].name)
        try:
            if history is not None:
                check_signers(history, len(contents.entries), keys, known)
            elif known is not None and not set(known).intersection(keys):
                check_signers(KeyHistory(keys[0].name), len(contents.entries), keys[:1], known)
        except IntegrityError as error:
            expected, got = error.facts["expected"], error.facts["got"]
            findings.add(KEYS_FILE, field=f"line {line}", expected=_shown(expected), got=_shown(got))
    return trusted is not None and len(findings.all) == count


def _history(findings: Findings, contents: Contents, origin: str) -> KeyHistory | None:
    try:
        return read_history(origin, contents.entries)
    except IntegrityError as error:
        index = error.facts["entry_index"]
        assert isinstance(index, int), "a refuted entry has an index"
        size = min(len(contents.entries), (index // TILE_WIDTH + 1) * TILE_WIDTH)
        where = next(bundles(size, start=index)).path
        reason = error.facts["reason"]
        findings.add(where, field="body", expected="an entry about keys that holds", got=reason, entry_index=index)
    return None


def _shown(keys: object) -> str:
    assert isinstance(keys, Sequence), "keys are a list"
    return ", ".join(str(key) for key in keys)
