"""Verifying a frozen log together with its successor: each for itself, and that they join."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chain.checkpoint import Checkpoint, origin_of
from chain.finding import Finding
from chain.keys.succession import Succession, check_succession
from chain.layout import KEYS_FILE, bundles
from chain.note import VerifierKey, parse_verifier_key
from chain.tree_hash import BOTH, Twin
from chain.trust import TrustPolicy, load_policy
from chain.verify import VerificationReport, verify_directory
from domain.errors import PolicyCortexError

_FIRST_ENTRY = 0


@dataclass(frozen=True, slots=True)
class JoinReport:
    """What the check found of two logs and their join.

    Args:
        succession: what the successor's first entry says; ``None`` where the logs do not join.
    """

    frozen: VerificationReport
    successor: VerificationReport
    findings: tuple[Finding, ...]
    succession: Succession | None = None

    @property
    def ok(self) -> bool:
        """Whether both logs verify and join."""
        return self.frozen.ok and self.successor.ok and self.succession is not None


def verify_join(frozen: Path, successor: Path, *, policy: Path | TrustPolicy | None = None) -> JoinReport:
    """Check the folders of a frozen log and of its successor.

    Args:
        policy: keys that the reader trusts of both logs; without one the folders' own keys are used.

    Raises:
        InputError: a folder, a file in it, or the policy cannot be read at all.
    """
    trusted = load_policy(policy) if isinstance(policy, Path) else policy
    reports = [verify_directory(path, policy=trusted) for path in (frozen, successor)]
    if not all(report.ok for report in reports):
        return JoinReport(reports[0], reports[1], ())
    keys = trusted.keys if trusted is not None else (*_keys(frozen), *_keys(successor))
    where = next(bundles(reports[1].entries)).path if reports[1].entries else ""
    try:
        entry = _first_entry(successor / where) if where else b"null"
        said = check_succession(_checkpoints(reports[0]), entry, reports[1].origin or "", keys)
    except PolicyCortexError as error:
        finding = Finding(where, _FIRST_ENTRY, "body", "the end of the frozen log", str(error))
        return JoinReport(reports[0], reports[1], (finding,))
    return JoinReport(reports[0], reports[1], (), said)


def _checkpoints(report: VerificationReport) -> Twin[Checkpoint]:
    origin = report.origin or ""
    roots = [bytes.fromhex(root or "") for root in (report.root_sha256, report.root_sha3_256)]
    return Twin(
        Checkpoint(origin, report.entries, roots[0]),
        Checkpoint(origin_of(origin, BOTH.sha3_256), report.entries, roots[1]),
    )


def _keys(folder: Path) -> list[VerifierKey]:
    return [parse_verifier_key(line) for line in (folder / KEYS_FILE).read_text("utf-8").split("\n")[:2]]


def _first_entry(bundle: Path) -> bytes:
    content = bundle.read_bytes()
    return content[2 : 2 + int.from_bytes(content[:2], "big")]
