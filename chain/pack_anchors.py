"""Anchors in a pack: what each shows of the log's checkpoint, offline.

An anchor is taken over a checkpoint of the platform log, of which every tenant's checkpoints are entries by commitment.
So a receipt reaches a tenant's entries in four steps, all of which are hashes: the receipt is of a platform checkpoint;
an entry is in the platform log under it; the entry is the commitment to a checkpoint of the tenant's log, opened by a
nonce that the pack discloses; and the log under the pack's checkpoint begins with that one. An anchor of a log's own
checkpoint takes the last step alone.

A folder ``anchors/NAME/`` holds ``receipt/`` (the note and the target's files), and for a platform checkpoint
``opening.json``, ``entry.json`` and ``entry.tlog-proof``, and ``link.json`` for the last step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography import x509

from chain.anchors.check import check_receipt
from chain.anchors.receipt import read_files
from chain.anchors.verdict import AnchorTrust, AnchorVerdict, Standing
from chain.checkpoint import Checkpoint, parse_checkpoint
from chain.checkpoint_commitment import commitment_of
from chain.encoding import decode_base64, encode_base64
from chain.envelope import read_envelope
from chain.finding import Findings
from chain.note import parse_note
from chain.pack import ANCHORS, encode_json
from chain.pack_check import AnchorNote
from chain.proof import ConsistencyProof, InclusionProof, check_consistency, check_inclusion, parse_proof
from chain.strict_json import parse
from chain.tree_hash import SHA256
from domain.errors import InputError, IntegrityError, PolicyCortexError

RECEIPT: Final = "receipt/"
OPENING: Final = "opening.json"
ENTRY: Final = "entry.json"
PROOF: Final = "entry.tlog-proof"
LINK: Final = "link.json"
_SIZE_BYTES_MAX: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class PackAnchors:
    """Checks the anchors of a pack with what its reader trusts."""

    trust: AnchorTrust = field(default_factory=AnchorTrust)

    def __call__(
        self,
        files: Mapping[str, bytes],
        checkpoints: Mapping[str, bytes],
        findings: Findings,
    ) -> tuple[AnchorNote, ...]:
        """What they show; a receipt or a step that does not hold is a finding."""
        folders: dict[str, dict[str, bytes]] = {}
        for path, content in files.items():
            folder, _, name = path.removeprefix(ANCHORS).partition("/")
            folders.setdefault(folder, {})[name] = content
        heads = {
            origin: parse_checkpoint(parse_note(note.decode("utf-8")).text) for origin, note in checkpoints.items()
        }
        notes = []
        for folder, found in folders.items():
            try:
                notes.append(self._judge(found, heads))
            except PolicyCortexError as error:
                findings.add(f"{ANCHORS}{folder}", field="anchor", expected="a receipt of this log", got=error)
        return tuple(notes)

    def _judge(self, files: Mapping[str, bytes], heads: Mapping[str, Checkpoint]) -> AnchorNote:
        receipt = read_files({name.removeprefix(RECEIPT): text for name, text in files.items() if RECEIPT in name})
        verdict = check_receipt(receipt.receipt, receipt.note, self.trust)
        if verdict.standing is Standing.REFUTED:
            finding = verdict.findings[0]
            raise IntegrityError(f"receipt does not hold: {finding.field}", expected=finding.expected, got=finding.got)
        note = _opened(files, receipt.note) if OPENING in files else receipt.note
        covered = _linked(files, parse_checkpoint(parse_note(note.decode("utf-8")).text), heads)
        return AnchorNote(verdict.target, _words(verdict, covered))


def read_trust(tsa_root: Path | None) -> AnchorTrust:
    """What a reader trusts: certificates at which a time stamping authority's chain may end, in PEM.

    Raises:
        InputError: the file cannot be read or holds no certificate.
    """
    if tsa_root is None:
        return AnchorTrust()
    try:
        return AnchorTrust(tsa_roots=tuple(x509.load_pem_x509_certificates(tsa_root.read_bytes())))
    except (OSError, ValueError) as error:
        raise InputError(
            "cannot read the certificates of authorities", path=str(tsa_root), reason=str(error)
        ) from error


def encode_opening(note: str, nonce: str) -> bytes:
    """The tenant's own checkpoint and the nonce that opens the commitment to it."""
    return encode_json({"note": note, "nonce": nonce})


def encode_link(proof: ConsistencyProof) -> bytes:
    """That the log under the pack's checkpoint begins with the anchored one."""
    return encode_json([encode_base64(item) for item in proof.path])


def _opened(files: Mapping[str, bytes], platform_note: bytes) -> bytes:
    """The tenant's checkpoint that an entry of the platform log commits to."""
    opening, entry = parse(files[OPENING], size_bytes_max=_SIZE_BYTES_MAX), files.get(ENTRY, b"")
    match opening, read_envelope(entry).body:
        case {"note": str(note), "nonce": str(nonce)}, {"commitment": str(commitment)}:
            pass
        case _:
            raise InputError("opening or platform entry has not the fields it must have")
    if commitment_of(_nonce(nonce), note) != commitment:
        raise IntegrityError("platform entry commits to another checkpoint", got=commitment)
    proof = parse_proof(files.get(PROOF, b"").decode("utf-8", errors="replace"))
    if proof.checkpoint.encode("utf-8") != platform_note:
        raise IntegrityError("platform entry is proven under another checkpoint than the anchored one")
    head = parse_checkpoint(parse_note(proof.checkpoint).text)
    check_inclusion(SHA256, InclusionProof(proof.index, head.size, proof.path), SHA256.leaf(entry), head.root)
    return note.encode("utf-8")


def _linked(files: Mapping[str, bytes], anchored: Checkpoint, heads: Mapping[str, Checkpoint]) -> Checkpoint:
    """The anchored checkpoint, shown to be the beginning of one of the pack's logs."""
    head = heads.get(anchored.origin)
    if head is None:
        raise IntegrityError("anchor is of a log that is not in this pack", origin=anchored.origin, got=sorted(heads))
    items = parse(files.get(LINK, b"[]"), size_bytes_max=_SIZE_BYTES_MAX)
    if not isinstance(items, list):
        raise InputError("link is not a list of hashes")
    path = tuple(decode_base64(str(item), what="proof hash") for item in items)
    check_consistency(SHA256, ConsistencyProof(anchored.size, head.size, path), anchored.root, head.root)
    return anchored


def _words(verdict: AnchorVerdict, covered: Checkpoint) -> str:
    bound = "" if verdict.not_after is None else f" existed not after {verdict.not_after:%Y-%m-%d %H:%M:%S} UTC"
    open_points = f"; not checked: {'; '.join(verdict.unchecked)}" if verdict.unchecked else ""
    return f"entries below {covered.size} of {covered.origin}{bound} ({verdict.standing}){open_points}"


def _nonce(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise InputError("nonce is not hex", got=text[:80]) from None
