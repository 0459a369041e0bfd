"""What the verifier says of a pack, in a few lines for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from chain.finding import Finding
from chain.pack import CHECKPOINTS, ENTRIES
from chain.pack_check import PackReport

VERIFIER: Final = "PolicyCortex offline verifier, pack format 1"
FINDINGS_SHOWN_MAX: Final = 20

_BY_HAND: Final = """\
These lines were written by the verifier when the pack was made. Do not believe them; repeat them:

  pcg verify PACK.zip --policy FILE      FILE holds the log's keys, which you got from somewhere else
  python -m chain verify PACK.zip        the same, with nothing installed but the cryptography package

Without this verifier, in the unpacked folder:

  openssl x509 -in keys/report-certificate.pem -noout -pubkey > report-key.pem
  python3 - <<END
  import base64, json
  envelope = json.load(open("report.dsse.json"))
  payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
  open("signed", "wb").write(b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload))
  open("signature", "wb").write(base64.b64decode(envelope["signatures"][0]["sig"]))
  END
  openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32 \\
    -verify report-key.pem -signature signature signed
  sha256sum FILE                         each file against its digest in report.json, under "subject"

The log's checkpoint is {checkpoint}, a signed note as Go's golang.org/x/mod/sumdb/note reads it.
Each line of {entries} is one entry; its leaf hash is SHA-256 of a zero byte and the line.
"""


def format_pack(report: PackReport) -> str:
    """The whole answer."""
    if not report.ok:
        return "\n".join(
            [
                f"REFUTED: the pack is not what was signed ({len(report.findings)} found)",
                *format_findings(report.findings),
            ]
        )
    summary = report.summary
    assert summary is not None, "a verified pack was summarised"
    lines = [
        f"VERIFIED: {summary.entries} entries of {report.tenant}, none missing, none changed",
        f"  window    {report.window[0]} to {report.window[1]}; "
        f"{summary.entries - summary.outside} entries state a time in it",
    ]
    for log in report.logs:
        part = log.part
        lines += [
            f"  log       {part.origin}: entries {part.start} to {part.end - 1} of {part.size}, {log.blocks} blocks, "
            f"complete until {log.covered_until}",
            f"            SHA-256 root  {log.roots.sha256}",
            f"            SHA3-256 root {log.roots.sha3_256}",
            f"            {_witnesses(log.witnesses)}; {log.proofs} proofs of single entries hold",
        ]
    lines += [
        f"  artifacts {report.artifacts} hashed again, {report.left_out} named by entries but not in this pack",
        "  figures   those of the statement follow from the entries",
        f"  signed by {report.signer}",
        f"            certificate SHA-256 {report.fingerprint}",
        *(f"  anchor    {note.target}: {note.text}" for note in report.anchors),
        *([] if report.anchors else ["  anchors   none checked: times are the log's own word"]),
    ]
    return "\n".join([*lines, *_trust(report), f"  {VERIFIER}"])


def pack_json(report: PackReport) -> str:
    """The report as JSON."""
    return json.dumps(asdict(report), ensure_ascii=False, indent=2, sort_keys=True)


def format_findings(findings: Sequence[Finding]) -> list[str]:
    """What is wrong, and where: the entry, or the file and the field."""
    lines = []
    for finding in findings[:FINDINGS_SHOWN_MAX]:
        place = finding.where if finding.entry_index is None else f"entry {finding.entry_index} in {finding.where}"
        lines += [f"  {place}: {finding.field}", f"    expected {finding.expected}", f"    got      {finding.got}"]
    if len(findings) > FINDINGS_SHOWN_MAX:
        lines.append(f"  ... and {len(findings) - FINDINGS_SHOWN_MAX} more (--json shows all)")
    return lines


def how_to_check(report: PackReport) -> str:
    """How anyone repeats this, with this verifier or without it."""
    part = report.logs[0].part
    return _BY_HAND.format(checkpoint=part.path(CHECKPOINTS.sha256), entries=part.path(ENTRIES))


def _witnesses(names: Sequence[str]) -> str:
    return f"witnessed by {', '.join(names)}" if names else "witnessed by nobody that the policy names"


def _trust(report: PackReport) -> list[str]:
    keys = (
        "those of the policy file"
        if report.key_trusted
        else "taken from the pack itself, NOT INDEPENDENTLY TRUSTED; give --policy with keys got elsewhere"
    )
    certificate = (
        "the one given"
        if report.certificate_trusted
        else "the pack's own, NOT INDEPENDENTLY TRUSTED; give --certificate with one got elsewhere"
    )
    return [f"  log keys  {keys}", f"  signer    {certificate}"]
