"""From a request to a whole pack: evidence, reports over it, the signed statement, and the verifier's own words.

Everything before the signatures follows from the request alone: the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from chain.pack import CERTIFICATE, MANIFEST, OSCAL, REPORT_PDF, VERIFY_TEXT, XBRL
from chain.pack_anchors import PackAnchors
from chain.pack_archive import PackMemory, write_archive
from chain.pack_check import AnchorCheck, verify_files
from chain.pack_text import format_pack, how_to_check
from chain.reports.board_figures import BoardFigures
from chain.reports.evidence import Evidence, collect_evidence, focused
from chain.reports.oscal import assessment_results
from chain.reports.pades import TimeStamping, sign_pdf
from chain.reports.page import PageSize
from chain.reports.pdf import ReportContext, write_pdf
from chain.reports.signing import ReportSigner, certificate_pem
from chain.reports.source import PackRequest
from chain.reports.statement import sign_statement, statement_payload
from chain.reports.xbrl import instance, taxonomy
from domain.errors import IntegrityError

MADE_BY: Final = "PolicyCortex 0.1.0"
_ANCHORS: Final = PackAnchors()


@dataclass(frozen=True, slots=True)
class Draft:
    """A pack before anything is signed."""

    request: PackRequest
    evidence: Evidence
    files: Mapping[str, bytes]
    board: BoardFigures | None


def draft_pack(
    request: PackRequest, *, board: BoardFigures | None = None, page: PageSize = PageSize.A4, is_stamped: bool = False
) -> Draft:
    """Collect the evidence and write the reports.

    Args:
        board: figures of the executive pages; without them the report has none.
        is_stamped: whether the PDF will carry a time stamp; the report says which.
    """
    evidence = collect_evidence(request)
    shown = focused(evidence, request.framework)
    manifest = evidence.manifest.encode()
    context = ReportContext(request, shown, board, page, is_stamped=is_stamped)
    files = {
        **evidence.files,
        MANIFEST: manifest,
        REPORT_PDF: write_pdf(context),
        XBRL: instance(shown),
        **taxonomy(),
        OSCAL: assessment_results(shown),
    }
    return Draft(request, evidence, files, board)


def sign_pack(
    draft: Draft,
    signer: ReportSigner,
    *,
    stamping: TimeStamping | None = None,
    check_anchors: AnchorCheck = _ANCHORS,
) -> dict[str, bytes]:
    """Sign the PDF and the statement, and let the verifier have the last word.

    Raises:
        IntegrityError: the pack does not verify, or does not say the same of itself once that is written into it.
    """
    files = {
        **draft.files,
        REPORT_PDF: sign_pdf(draft.files[REPORT_PDF], signer, stamping=stamping),
        CERTIFICATE: certificate_pem(signer),
        VERIFY_TEXT: b"",
    }
    text = _verified(_stated(draft, files, signer), check_anchors)
    whole = _stated(draft, {**files, VERIFY_TEXT: text}, signer)
    if _verified(whole, check_anchors) != text:
        raise IntegrityError("the pack says something else of itself when verified again")
    return whole


def build_pack(
    request: PackRequest,
    signer: ReportSigner,
    *,
    board: BoardFigures | None = None,
    page: PageSize = PageSize.A4,
    stamping: TimeStamping | None = None,
    check_anchors: AnchorCheck = _ANCHORS,
) -> bytes:
    """A whole pack as one zip.

    Raises:
        InputError: the window is none, or a log is empty.
        NotFound: a log has no checkpoint yet.
        UnavailableError: the time stamping authority does not answer.
        IntegrityError: what was made does not verify.
    """
    draft = draft_pack(request, board=board, page=page, is_stamped=stamping is not None)
    return write_archive(sign_pack(draft, signer, stamping=stamping, check_anchors=check_anchors))


def _stated(draft: Draft, files: Mapping[str, bytes], signer: ReportSigner) -> dict[str, bytes]:
    board = None if draft.board is None else draft.board.as_json()
    payload = statement_payload(draft.request, draft.evidence, files, made_by=MADE_BY, board=board)
    return {**files, **sign_statement(payload, signer)}


def _verified(files: Mapping[str, bytes], check_anchors: AnchorCheck) -> bytes:
    report = verify_files(PackMemory(files), check_anchors=check_anchors)
    if not report.ok:
        first = report.findings[0]
        raise IntegrityError(
            "the pack that was made does not verify",
            where=first.where,
            entry=first.entry_index,
            field=first.field,
            expected=first.expected,
            got=first.got,
        )
    return f"{format_pack(report)}\n\n{how_to_check(report)}".encode()
