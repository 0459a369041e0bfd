"""The offline verifier: ``python -m chain verify PACK|FOLDER [--policy FILE]``, ``... proof FILE ENTRY --policy FILE``.

A folder is one log, or a tenant's logs of all years. For their owner: ``python -m chain fsck CHAIN_DIR FOLDER...``.

Exit codes: 0 verified, 1 refuted, 2 could not be decided.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from chain.finding import Finding
from chain.pack_archive import is_pack
from chain.proof_file import verify_proof_file
from chain.trust import load_policy
from chain.verify import VerificationReport, verify_directory
from domain.errors import InputError, IntegrityError, PolicyCortexError

VERIFIED, REFUTED, UNDECIDED = 0, 1, 2
_FINDINGS_SHOWN_MAX = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a folder and say what was found."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], tuple[int, str]] = options.command
    try:
        status, text = command(options)
    except PolicyCortexError as error:
        sys.stderr.write(f"{_printable(str(error))}\n")
        return REFUTED if isinstance(error, IntegrityError) else UNDECIDED
    sys.stdout.write(f"{_printable(text)}\n")
    return status


def _verify(options: argparse.Namespace) -> tuple[int, str]:
    if is_pack(options.path):
        return _verify_pack(options)
    report = verify_directory(options.path, policy=options.policy)
    text = json.dumps(asdict(report), indent=2, sort_keys=True) if options.json else format_report(report)
    return VERIFIED if report.ok else REFUTED, text


def _verify_pack(options: argparse.Namespace) -> tuple[int, str]:
    from chain.pack_anchors import PackAnchors, read_trust  # noqa: PLC0415 (loads what folders do without)
    from chain.pack_check import verify_pack  # noqa: PLC0415
    from chain.pack_text import format_pack, pack_json  # noqa: PLC0415

    anchors = PackAnchors(read_trust(options.tsa_root))
    report = verify_pack(options.path, policy=options.policy, certificate=options.certificate, check_anchors=anchors)
    return VERIFIED if report.ok else REFUTED, pack_json(report) if options.json else format_pack(report)


def _prove(options: argparse.Namespace) -> tuple[int, str]:
    proof, entry = _read(options.proof), _read(options.entry)
    proven = verify_proof_file(proof.decode("utf-8", errors="replace"), entry, load_policy(options.policy))
    return VERIFIED, "\n".join(
        [
            f"VERIFIED: entry {proven.index} of {proven.size} in {proven.origin}",
            f"  root {proven.root}",
            f"  {_format_witnesses(proven.witnesses)}",
        ]
    )


def _fsck(options: argparse.Namespace) -> tuple[int, str]:
    from chain.fsck import check_state  # noqa: PLC0415 (loads the writer's libraries, which a verifier does without)

    report = check_state(options.state, options.folders)
    if options.json:
        text = json.dumps(asdict(report), indent=2, sort_keys=True)
    elif report.ok:
        text = f"SAME: {report.published} of {report.entries} entries published in {report.files} files"
    else:
        text = "\n".join(
            [
                f"DIFFERENT: {len(report.findings)} differences from the journal of {report.entries} entries",
                *_format_findings(report.findings),
                "Move the folder away and publish again to write it from the journal",
            ]
        )
    return VERIFIED if report.ok else REFUTED, text


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError("cannot read a file", path=str(path), reason=error.strerror) from error


def format_report(report: VerificationReport) -> str:
    """A report in a few lines for a person."""
    if report.ok:
        return _format_verified(report)
    lines = [f"REFUTED: {len(report.findings)} of the folder's contents are not what was signed"]
    return "\n".join([*lines, *_format_findings(report.findings)])


def _format_findings(findings: Sequence[Finding]) -> list[str]:
    lines = []
    for finding in findings[:_FINDINGS_SHOWN_MAX]:
        place = finding.where if finding.entry_index is None else f"entry {finding.entry_index} in {finding.where}"
        lines += [f"  {place}: {finding.field}", f"    expected {finding.expected}", f"    got      {finding.got}"]
    if len(findings) > _FINDINGS_SHOWN_MAX:
        lines.append(f"  ... and {len(findings) - _FINDINGS_SHOWN_MAX} more (--json shows all)")
    return lines


def _format_verified(report: VerificationReport) -> str:
    trust = (
        "keys: those of the policy file"
        if report.key_trusted
        else "keys: taken from the folder itself, NOT INDEPENDENTLY TRUSTED; give --policy with keys got elsewhere"
    )
    return "\n".join(
        [
            f"VERIFIED: {report.entries} entries, {report.blocks} blocks, {report.artifacts} artifacts "
            f"in {report.files} files of {_format_origin(report)}",
            f"  SHA-256 root  {report.root_sha256}",
            f"  SHA3-256 root {report.root_sha3_256}",
            f"  {trust}",
            f"  {_format_witnesses(report.witnesses)}",
        ]
    )


def _format_origin(report: VerificationReport) -> str:
    if not report.years:
        return str(report.origin)
    return f"{len(report.years)} yearly {'logs' if len(report.years) > 1 else 'log'}, the newest {report.origin}"


def _format_witnesses(names: Sequence[str]) -> str:
    return f"witnessed by {', '.join(names)}" if names else "witnessed by nobody that the policy names"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chain", description="Check evidence offline.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="check every byte of a report pack or an evidence folder")
    verify.add_argument("path", type=Path, help="the pack (zip, or unpacked) or the folder to check")
    verify.add_argument("--policy", type=Path, help="file with the verifier keys that you trust")
    verify.add_argument("--certificate", type=Path, help="report certificate that you trust, in PEM (packs only)")
    verify.add_argument(
        "--tsa-root", type=Path, help="certificates of time stamping authorities that you trust (packs)"
    )
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    verify.set_defaults(command=_verify)
    proof = commands.add_parser("proof", help="check that one entry is in a log, by a C2SP proof file")
    proof.add_argument("proof", type=Path, help="the proof file (.tlog-proof)")
    proof.add_argument("entry", type=Path, help="file with the entry's bytes")
    proof.add_argument("--policy", type=Path, required=True, help="file with the verifier keys that you trust")
    proof.set_defaults(command=_prove)
    fsck = commands.add_parser("fsck", help="derive folders again from their journal and compare")
    fsck.add_argument("state", type=Path, help="the store's chain folder, such as .pcg/chain")
    fsck.add_argument("folders", type=Path, nargs="+", metavar="folder", help="a published folder")
    fsck.add_argument("--json", action="store_true", help="print the report as JSON")
    fsck.set_defaults(command=_fsck)
    return parser


def _printable(text: str) -> str:
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


if __name__ == "__main__":
    sys.exit(main())
