"""`pcg verify`: check evidence offline, trusting nothing in it but what a signature covers."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve.cli.exit_code import ExitCode
from serve.cli.screen import say

if TYPE_CHECKING:
    from chain.pack_check import PackReport
    from chain.verify import Finding, VerificationReport

FINDINGS_MAX = 20


def verify(
    path: Annotated[
        Path,
        typer.Argument(metavar="PACK|DIR", help="Report pack, or folder of published evidence.", show_default=False),
    ],
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="C2SP policy file with the keys you trust.", show_default=False),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option("--certificate", metavar="PEM", help="Report certificate you trust (packs).", show_default=False),
    ] = None,
    tsa_root: Annotated[
        Path | None,
        typer.Option("--tsa-root", metavar="PEM", help="Roots of time stamps you trust (packs).", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything that was found as JSON.")] = False,
) -> int:
    """Check every byte of a report pack or an evidence folder, offline.

    Ends with status 1 when something is not as it must be, and names the entry, or the file and the field; with 2 when
    it could not be decided.
    """
    from chain.pack_archive import is_pack  # noqa: PLC0415 (loads what other commands do without)

    if is_pack(path):
        return _verify_pack(path, policy, certificate, tsa_root, as_json=as_json)
    from chain.verify import verify_directory  # noqa: PLC0415 (loads the signature library)

    report = verify_directory(path, policy=policy)
    if as_json:
        say(json.dumps(asdict(report), indent=2, sort_keys=True))
    else:
        for line in report_lines(report):
            say(line)
    return ExitCode.DONE if report.ok else ExitCode.FOUND


def _verify_pack(
    path: Path, policy: Path | None, certificate: Path | None, tsa_root: Path | None, *, as_json: bool
) -> int:
    from chain.pack_anchors import PackAnchors, read_trust  # noqa: PLC0415 (loads the signature library)
    from chain.pack_check import verify_pack  # noqa: PLC0415 (loads the signature library)
    from chain.pack_text import format_pack, pack_json  # noqa: PLC0415

    anchors = PackAnchors(read_trust(tsa_root))
    report = verify_pack(path, policy=policy, certificate=certificate, check_anchors=anchors)
    is_signed, line = _check_pdf(path, report)
    if as_json:
        say(pack_json(report))
    else:
        say(format_pack(report))
        say(f"  {line}")
    return ExitCode.DONE if report.ok and is_signed else ExitCode.FOUND


def _check_pdf(path: Path, report: PackReport) -> tuple[bool, str]:
    """Whether nothing speaks against the PDF's own signature, and a line on it."""
    if not report.ok:
        return True, "PDF       not looked at: the pack is refuted"
    if find_spec("pyhanko") is None:
        return True, "PDF       by its digest alone; its signature needs the extra: pip install 'policycortex[reports]'"
    from chain.reports.pdf_check import check_pack_pdf  # noqa: PLC0415 (a second to load, and not always installed)
    from domain.errors import IntegrityError  # noqa: PLC0415

    try:
        found = check_pack_pdf(path)
    except IntegrityError as error:
        return False, f"PDF       REFUTED: {error}"
    stamp = (
        f"stamped {found.stamped_at:%Y-%m-%d %H:%M:%S} UTC by {found.stamped_by}, an authority that you must know"
        if found.stamped_at
        else "without a time stamp"
    )
    return True, f"PDF       signed by {found.signed_by}, {stamp}"


def report_lines(report: VerificationReport) -> list[str]:
    """What was checked, or what is wrong and where."""
    if not report.ok:
        found = [f"  {_difference(finding)}" for finding in report.findings[:FINDINGS_MAX]]
        rest = len(report.findings) - len(found)
        more = [f"  and {rest:,} more"] if rest > 0 else []
        noun = "difference" if len(report.findings) == 1 else "differences"
        return [f"NOT VERIFIED  {len(report.findings):,} {noun}", *found, *more]
    trust = (
        "the signing keys are the ones that your policy file names"
        if report.key_trusted
        else "not independently trusted: the keys come from this folder; give --policy FILE with keys from elsewhere"
    )
    return [
        f"VERIFIED  {report.entries:,} entries, {report.artifacts:,} artifacts, {report.blocks:,} blocks, "
        f"{report.files:,} files; every byte is accounted for",
        f"  origin    {report.origin}{_earlier(report)}",
        f"  size      {report.entries:,}",
        f"  sha256    {report.root_sha256}",
        f"  sha3-256  {report.root_sha3_256}",
        f"  keys      {trust}",
    ]


def _earlier(report: VerificationReport) -> str:
    """How many logs of earlier years were checked too; roots are the newest one's."""
    return f" and {len(report.years) - 1} of earlier years" if len(report.years) > 1 else ""


def _difference(finding: Finding) -> str:
    """The entry, or the file and the field, with what was expected and what is there."""
    place = finding.where if finding.entry_index is None else f"entry {finding.entry_index} in {finding.where}"
    return f"{place}: {finding.field}: expected {finding.expected}, got {finding.got}"
