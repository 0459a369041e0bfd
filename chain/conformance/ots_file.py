"""OpenTimestamps proofs: read, written again, evaluated, and held against the document beside them.

A file is to be refused where its folder's name says so, or where a README in its folder or above says so of it: "all
invalid" in its own folder, or "NAME must be refused" with a pattern. Blocks are not here, so nothing is said of when a
document existed.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from chain.anchors.opentimestamps import (
    HEADER,
    BlockAttestation,
    DetachedTimestamp,
    PendingAttestation,
    UnknownAttestation,
    format_proof,
    parse_proof,
)
from chain.conformance.outcome import Report, Tally, attempt
from chain.conformance.source import FILE_SIZE_BYTES_MAX, Corpus, Source, ancestors
from domain.errors import InputError

FAMILY: Final = "OpenTimestamps proofs"

_SUFFIX: Final = ".ots"
_ALL_INVALID: Final = re.compile(r"\b(all|each|every)\b[^.]{0,60}\b(invalid|malformed)\b", re.IGNORECASE)
_TO_BE_REFUSED: Final = re.compile(r"([\w*?./-]+\.ots)\s+(?:must|should|has to|have to)\s+be\s+(?:refused|rejected)")
_MERKLE_ROOT_SIZE_BYTES: Final = 32


def run_timestamps(corpus: Corpus, report: Report) -> None:
    """Run every proof of the folder."""
    for source in corpus:
        if source.base.endswith(_SUFFIX) or source.head(len(HEADER)) == HEADER:
            corpus.take(source)
            try:
                _judge(corpus, source, report.tally(FAMILY))
            except InputError as error:
                report.unreadable[source.name] = str(error)


def _judge(corpus: Corpus, source: Source, tally: Tally) -> None:
    data = source.read()
    if source.is_to_be_refused or _is_refused_by_readme(corpus, source):
        tally.judge_refusal(source.name, "proof", accepts=False, action=partial(parse_proof, data))
        return
    proof, fault = attempt(partial(parse_proof, data))
    if proof is None:
        tally.judge(source.name, "proof", expected="a proof", got=fault)
        return
    tally.judge(source.name, "written again", expected=data, got=format_proof(proof))
    _judge_attestations(source, tally, proof)
    _judge_document(corpus, source, tally, proof)


def _judge_attestations(source: Source, tally: Tally, proof: DetachedTimestamp) -> None:
    for attested in proof.attested():
        match attested.attestation:
            case BlockAttestation(chain, height):
                label = f"Merkle root of {chain} block {height}"
                size = len(attested.message)
                tally.judge(source.name, label, expected=_MERKLE_ROOT_SIZE_BYTES, got=size)
                tally.remarks[f"Merkle root not compared with the {chain} block's: its header is not here"] += 1
            case PendingAttestation():
                tally.remarks["calendar's promise, which attests nothing yet"] += 1
            case UnknownAttestation():
                tally.remarks["attestation of an unknown kind, which is not counted"] += 1


def _judge_document(corpus: Corpus, source: Source, tally: Tally, proof: DetachedTimestamp) -> None:
    """Compare the document of the proof's name; where there is none, any other file beside it that has the digest."""
    document = corpus.get(source.name.removesuffix(_SUFFIX)) if source.name.endswith(_SUFFIX) else None
    if document is not None:
        corpus.take(document)
        matches, fault = attempt(partial(proof.is_of, document.read()))
        tally.judge(
            source.name, "document", expected="its digest", got=fault or ("its digest" if matches else "another")
        )
        return
    for other in corpus.folder(source.folder):
        is_candidate = not (other.base.endswith(_SUFFIX) or other.is_documentation)
        if is_candidate and other.size_bytes <= FILE_SIZE_BYTES_MAX and proof.is_of(other.read()):
            corpus.take(other)
            tally.judge(source.name, f"document {other.base}", expected=True, got=True)


def _is_refused_by_readme(corpus: Corpus, source: Source) -> bool:
    for folder in ancestors(source.folder):
        for other in corpus.folder(folder):
            if not other.base.lower().startswith("readme"):
                continue
            written, _ = attempt(other.text)
            if folder == source.folder and _ALL_INVALID.search(written or ""):
                return True
            below = source.name.removeprefix(f"{folder}/" if folder else "")
            if any(fnmatchcase(below, f"*{pattern}") for pattern in _TO_BE_REFUSED.findall(written or "")):
                return True
    return False
