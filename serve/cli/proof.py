"""`pcg verify`: check evidence offline, trusting nothing in it but what a signature covers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serve.cli.exit_code import ExitCode
from serve.cli.screen import say

if TYPE_CHECKING:
    from chain.verify import Finding, VerificationReport

FINDINGS_MAX = 20


def verify(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of published evidence.", show_default=False)],
    policy: Annotated[
        Path | None,
        typer.Option("--policy", metavar="FILE", help="C2SP policy file with the keys you trust.", show_default=False),
    ] = None,
) -> int:
    """Check every byte of an evidence folder, offline.

    Ends with status 1 when something is not as it must be, and names the entry, or the file and the field.
    """
    from chain.verify import verify_directory  # noqa: PLC0415 (loads the signature library)

    report = verify_directory(directory, policy=policy)
    for line in report_lines(report):
        say(line)
    return ExitCode.DONE if report.ok else ExitCode.FOUND


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
