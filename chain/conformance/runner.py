"""Running every family over a folder of vectors.

Files are recognised by what is in them. Folder forms come first (logs of tiles, documents with their outputs), then
files of one form, then JSON by the shape of its objects; what nobody has taken is named in the report unless it is
documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from chain.conformance import canonical_case, merkle_probe, note_case, rekor_entry
from chain.conformance.canonical_case import run_documents, run_numbers
from chain.conformance.hash_file import run_hash_files
from chain.conformance.json_case import cases
from chain.conformance.keyring import has_key
from chain.conformance.ots_file import run_timestamps
from chain.conformance.outcome import Report
from chain.conformance.source import Corpus, Source
from chain.conformance.text_file import run_texts
from chain.conformance.tile_log import run_tile_logs
from domain.errors import InputError

_FILE_FAMILIES: Final[tuple[Callable[[Corpus, Report], None], ...]] = (
    run_tile_logs,
    run_documents,
    run_timestamps,
    run_hash_files,
    run_numbers,
)
_SHAPES: Final = (*merkle_probe.SHAPES, *rekor_entry.SHAPES, *note_case.SHAPES, *canonical_case.SHAPES)
_JSON_STARTS: Final = (b"{", b"[")


def run(root: Path) -> Report:
    """Run all vectors below a folder.

    Raises:
        InputError: there is no such folder.
    """
    corpus, report = Corpus(root), Report()
    for run_family in _FILE_FAMILIES:
        run_family(corpus, report)
    for source in corpus:
        if source.base.endswith(".json") or source.head(64).lstrip()[:1] in _JSON_STARTS:
            _run_json(corpus, source, report)
    run_texts(corpus, report)
    report.not_recognised += [source.name for source in corpus if not source.is_documentation]
    report.not_recognised += [f"{name} (a link)" for name in corpus.links]
    return report


def _run_json(corpus: Corpus, source: Source, report: Report) -> None:
    try:
        document = source.json()
    except InputError as error:
        if source.base.endswith(".json"):
            corpus.take(source)
            report.unreadable[source.name] = str(error)
        return
    for shape, case in cases(corpus, source, document, _SHAPES):
        corpus.take(source)
        try:
            shape.judge(case, report.tally(shape.family))
        except InputError as error:
            report.unreadable[f"{source.name} {case.label}".strip()] = str(error)
    if _is_key_generation(document):
        corpus.take(source)
        report.out_of_scope[source.name] = "key generation"
    elif _is_trusted_root(document) or has_key(source.text()):
        corpus.take(source)


def _is_trusted_root(document: object) -> bool:
    """Whether a document is Sigstore's list of keys, which may be empty."""
    return isinstance(document, dict) and "trustedroot" in str(document.get("mediaType"))


def _is_key_generation(document: object) -> bool:
    first = document[0] if isinstance(document, list) and document else document
    return isinstance(first, dict) and "seed" in first and any(key.startswith("private_key") for key in first)
