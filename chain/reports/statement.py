"""Writing and signing the statement over a pack's files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chain.pack import ENVELOPE, PACK_VERSION, PREDICATE_TYPE, STATEMENT, STATEMENT_TYPE, encode_json
from chain.pack_statement import encode_envelope, pre_authentication_encoding, subject_json
from chain.reports.evidence import Evidence, digest_of
from chain.reports.signing import ReportSigner, key_id
from chain.reports.source import PackRequest
from domain.clock import format_instant
from domain.value import Json

NOT_PROVED: Final = (
    "the time of an entry before the first anchor that covers it: until then it is the log's own word",
    "that a source told the truth: an entry proves what was recorded, not that it was so",
    "that evidence exists which was never handed to the log",
    "that the keys belong to the log's owner, unless you verify with a policy file that you got from somewhere else",
)


def statement_payload(
    request: PackRequest, evidence: Evidence, files: Mapping[str, bytes], *, made_by: str, board: Json
) -> bytes:
    """The statement over these files; the same input gives the same bytes."""
    window = {"from": format_instant(request.opens), "to": format_instant(request.closes)}
    return encode_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [subject_json(path, digest_of(content)) for path, content in sorted(files.items())],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "pack_version": PACK_VERSION,
                "tenant": request.tenant,
                "window": dict[str, Json](window),
                "made_at": format_instant(request.made_at),
                "made_by": made_by,
                "manifest_sha256": evidence.manifest_sha256,
                "summary": evidence.summary.as_json(),
                "highlighted": list[Json](evidence.highlighted),
                "artifacts_left_out": list[Json](evidence.left_out),
                "not_proved": list[Json](NOT_PROVED),
                "board": board,
            },
        }
    )


def sign_statement(payload: bytes, signer: ReportSigner) -> dict[str, bytes]:
    """The statement and its envelope, as files of the pack."""
    signature = signer.sign(pre_authentication_encoding(payload))
    return {STATEMENT: payload, ENVELOPE: encode_envelope(payload, key_id=key_id(signer), signature=signature)}
