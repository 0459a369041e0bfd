"""Compliance for one platform: coverage, gaps and mappings, from a tenant's last scan and its evidence.

Everything is decided in `assessment` and `policy.controls`; here it is fetched, asked and written out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, Protocol

from actors.folders import Folders
from assessment.compliance import ControlResult, compliance
from assessment.compliance_document import (
    GapKind,
    Row,
    coverage_rows,
    framework_summary,
    gap_rows,
    group_rows,
    head,
)
from assessment.compliance_inputs import (
    by_framework,
    controls_by_policy,
    framework_of,
    policy_evidence,
    scan_mappings,
)
from assessment.compliance_oscal import assessment_results, component_definition
from assessment.findings_rows import finding_rows
from chain.read_models import POLICY, LatestEvidence
from domain.clock import Clock
from domain.errors import InputError
from domain.evidence import EntryId
from domain.tenancy import TenantId
from domain.value import Json
from policy.aliases import read_rows
from policy.controls.catalogue import framework, frameworks
from policy.controls.framework import Framework
from policy.controls.imports import ImportedMappings, read_mappings
from policy.controls.mapping import ControlMapping, Provenance, with_editions
from policy.controls.words import described, evidence_words
from serve.compliance_store import ComplianceStore, Imported
from serve.control_suggestions import suggestions_row
from serve.findings_export import FindingsFormat, findings_file

LATEST_PAGE: Final = 10_000
NAMED_MAX: Final = 200


class ComplianceSource(Protocol):
    """What is asked of a platform."""

    def document(self, tenant: TenantId, scan_id: str | None = None) -> Mapping[str, Json]:
        """A scan's document, by default the last one's."""

    def latest_evidence(self, tenant: TenantId, matter: str, *, after: str, limit: int) -> list[LatestEvidence]:
        """The newest evidence on each policy, by name."""

    def policy(self, tenant: TenantId, policy_id: str) -> Mapping[str, Json]:
        """One policy's definition."""

    def evidence_entry(self, tenant: TenantId, entry_id: EntryId) -> Mapping[str, Json]:
        """One entry as recorded."""


class OscalDocument(StrEnum):
    """Which OSCAL document is made."""

    COMPONENT = "component-definition"
    RESULTS = "assessment-results"


@dataclass(frozen=True, slots=True)
class Question:
    """Which part of a tenant's compliance is asked for.

    Args:
        framework: id or another name of one; None for all that the scan's policies or imports name, and all known.
        age_max: evidence older than this decides nothing.
    """

    tenant: TenantId
    age_max: timedelta
    framework: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A framework and where its controls stand."""

    framework: Framework
    results: tuple[ControlResult, ...]


class ComplianceService:
    """Answers about compliance. Holds nothing between calls."""

    def __init__(self, source: ComplianceSource, folders: Folders, clock: Clock) -> None:
        self._source = source
        self._folders = folders
        self._clock = clock

    def coverage(self, question: Question) -> Row:
        """Frameworks in figures; with a framework also its groups and every control.

        Raises:
            NotFound: the tenant has no scan yet.
            InputError: there is no such framework.
        """
        document, judged = self._judged(question)
        rows = list[Json](framework_summary(each.framework, each.results) for each in judged)
        answer: Row = {**self._head(document, question), "frameworks": rows}
        if question.framework is not None:
            (one,) = judged
            answer["groups"] = list[Json](group_rows(one.framework, one.results))
            answer["controls"] = list[Json](coverage_rows(one.results))
        return answer

    def gaps(self, question: Question, kind: GapKind | None) -> Row:
        """Controls without policy, without evidence, with stale evidence, undecided or failing.

        Raises:
            NotFound: the tenant has no scan yet.
            InputError: there is no such framework.
        """
        document, judged = self._judged(question)
        found = [row for each in judged for row in gap_rows(each.results)]
        counts: Row = {name.value: sum(row["gap"] == name.value for row in found) for name in GapKind}
        order = list(GapKind)
        chosen = [row for row in found if kind is None or row["gap"] == kind.value]
        chosen.sort(key=lambda row: order.index(GapKind(str(row["gap"]))))
        return {**self._head(document, question), "counts": counts, "gaps": list[Json](chosen)}

    def oscal(self, question: Question, kind: OscalDocument) -> bytes:
        """One framework as an OSCAL document.

        Raises:
            NotFound: the tenant has no scan yet.
            InputError: no framework is named, or there is none of that name.
        """
        if question.framework is None:
            raise InputError("an OSCAL document is of one framework", where="framework", todo="Name one, like SOC2")
        document, (one,) = self._judged(question)
        if kind is OscalDocument.RESULTS:
            return assessment_results(document, one.framework, one.results)
        return component_definition(document, one.framework, one.results, product_version=product_version())

    def findings(self, tenant: TenantId, chosen: FindingsFormat, *, framework: str | None = None) -> bytes:
        """The last scan's violations, open and exempt, as a file.

        Raises:
            NotFound: the tenant has no scan yet.
            InputError: there is no such framework.
        """
        document: Mapping[str, Any] = self._source.document(tenant)
        mappings = self._mappings(document, tenant)
        asked = None if framework is None else _asked(framework, by_framework(mappings))[0]
        if asked is None:
            mappings = tuple(each for each in mappings if each.provenance is not Provenance.EDITION)
        rows = finding_rows(document, self._entries(tenant), controls_by_policy(mappings), framework=asked)
        return findings_file(rows, chosen, tenant=tenant, product_version=product_version())

    def add_mappings(self, tenant: TenantId, paths: Sequence[Path], described_by: Sequence[Path]) -> Row:
        """Import Azure initiatives and Prowler compliance files.

        Args:
            described_by: definitions or check metadata; their words help to map other policies, and a mapping of
                anything that is not among them is reported.

        Raises:
            InputError: a file is not readable or of no known kind.
        """
        texts = dict(_described(described_by))
        found = read_mappings(paths, known=texts or None)
        mapped = {mapping.policy.lower() for mapping in found.mappings}
        kept = {name: text for name, text in texts.items() if name.lower() in mapped}
        self._store(tenant).add(found.mappings, kept)
        return import_row(found, described=len(kept))

    def map_policy(self, tenant: TenantId, policy: str | Mapping[str, Json], *, confidence_min: float) -> Row:
        """Controls that a policy may serve: a known one by id, or a definition as it is.

        Raises:
            NotFound: there is no policy of this id.
            InputError: it is not a definition.
        """
        document = dict(self._source.policy(tenant, policy) if isinstance(policy, str) else policy)
        found = described(document)
        if found is None:
            raise InputError(
                "not a policy definition",
                expected="an object with properties.policyRule",
                got=sorted(document)[:8],
                todo="Give a definition as Azure exports it, or the id of a known policy",
            )
        name = policy if isinstance(policy, str) else found[0]
        return suggestions_row(self.imported(tenant), found[1], of=name, confidence_min=confidence_min)

    def map_evidence(self, tenant: TenantId, entry_id: EntryId, *, confidence_min: float) -> Row:
        """Controls that an entry of the log may be evidence for.

        Raises:
            NotFound: the tenant has no such entry.
        """
        entry = self._source.evidence_entry(tenant, entry_id)["entry"]
        body = entry.get("body") if isinstance(entry, dict) else None
        return suggestions_row(
            self.imported(tenant), evidence_words(body), of=str(entry_id), confidence_min=confidence_min
        )

    def imported(self, tenant: TenantId) -> Imported:
        """What was imported."""
        return self._store(tenant).load()

    def _judged(self, question: Question) -> tuple[Mapping[str, Any], list[Judged]]:
        document: Mapping[str, Any] = self._source.document(question.tenant)
        mappings = by_framework(self._mappings(document, question.tenant))
        evidence = policy_evidence(document, self._entries(question.tenant))
        now = self._clock.now()
        judged = []
        for name in _asked(question.framework, mappings):
            own = mappings.get(name, {})
            known = framework_of(name, own)
            judged.append(Judged(known, compliance(known, own, evidence, now=now, age_max=question.age_max)))
        return document, judged

    def _mappings(self, document: Mapping[str, Any], tenant: TenantId) -> tuple[ControlMapping, ...]:
        """What the scan's policies say of themselves, what was imported, and both in other editions."""
        return with_editions((*scan_mappings(document), *self.imported(tenant).mappings))

    def _head(self, document: Mapping[str, Any], question: Question) -> Row:
        return head(document, now=self._clock.now(), age_max=question.age_max)

    def _entries(self, tenant: TenantId) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        after = ""
        while True:
            page = self._source.latest_evidence(tenant, POLICY, after=after, limit=LATEST_PAGE)
            found |= {row.name: (str(row.evidence_id), row.at) for row in page}
            if len(page) < LATEST_PAGE:
                return found
            after = page[-1].name

    def _store(self, tenant: TenantId) -> ComplianceStore:
        return ComplianceStore(self._folders.graph(tenant) / "compliance")


def _asked(name: str | None, mapped: Iterable[str]) -> list[str]:
    """Ids of the frameworks that are asked for: one, or all that are known or mapped."""
    others = sorted(set(mapped) - frameworks().keys())
    if name is None:
        return [*frameworks(), *others]
    folded = {other.lower(): other for other in others}
    if name.lower() in folded:
        return [folded[name.lower()]]
    try:
        return [framework(name).id]
    except InputError as error:
        known = ", ".join([*frameworks(), *others[:NAMED_MAX]])
        raise InputError(error.summary, **{**error.facts, "expected": known}) from None


def _described(paths: Iterable[Path]) -> Iterable[tuple[str, str]]:
    for path in paths:
        files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
        for file in files:
            for document in read_rows(file):
                found = described(document)
                if found is not None:
                    yield found


def product_version() -> str:
    """The version that documents name; development trees may not be installed."""
    try:
        return version("policycortex")
    except PackageNotFoundError:
        return "0"


def import_row(found: ImportedMappings, *, described: int) -> Row:
    """What an import came to."""
    return {
        "sources": list[Json](found.sources),
        "mappings": len(found.mappings),
        "policies": len({mapping.policy.lower() for mapping in found.mappings}),
        "controls": len({mapping.control for mapping in found.mappings}),
        "described": described,
        "unknown_policies": [
            {"policy": each.name, "source": each.source} for each in found.unknown_policies[:NAMED_MAX]
        ],
        "unknown_policies_total": len({each.name for each in found.unknown_policies}),
        "unknown_controls": [str(control) for control in found.unknown_controls[:NAMED_MAX]],
        "unknown_controls_total": len(found.unknown_controls),
        "without_controls": list[Json](found.ungrouped[:NAMED_MAX]),
    }
