"""Azure Policy exemptions as documents, read unmodified, and the waivers that scans honour made of them.

Source: https://learn.microsoft.com/azure/governance/policy/concepts/exemption-structure
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.clock import parse_instant
from domain.errors import InputError
from domain.finding import PolicyId
from domain.value import Json
from policy.effective import Effective
from policy.exemption import Exemption
from policy.fields import Fields
from policy.scope import Scope, ScopeTree, parse_scope
from policy.selector import ResourceSelector, parse_resource_selectors

MARK: Final = "/providers/microsoft.authorization/policyexemptions/"
KIND: Final = "Microsoft.Authorization/policyExemptions"
CATEGORIES: Final = ("Waiver", "Mitigated")
_OWNERS: Final = ("owner", "approvedBy", "requestedBy", "createdBy")
_UNSTATED: Final = "not stated"


@dataclass(frozen=True, slots=True)
class ExemptionDocument:
    """One exemption.

    Args:
        assignment_id: whole id of the assignment that it exempts from.
        reference_ids: folded; empty for every policy of the assignment.
        category: ``Waiver`` (accepted) or ``Mitigated`` (met by other means).
    """

    exemption_id: str
    display_name: str
    assignment_id: str
    reference_ids: frozenset[str]
    scope: Scope
    category: str
    reason: str
    owner: str
    expires_at: datetime | None
    selectors: tuple[ResourceSelector, ...]
    origin: str

    def concerns(self, policy: Effective) -> bool:
        """Whether it exempts from a policy."""
        if policy.assignment.key != self.assignment_id.casefold():
            return False
        return not self.reference_ids or policy.reference_id.casefold() in self.reference_ids


def is_exemption(document: Json) -> bool:
    """Whether a document is an exemption, by what it must have."""
    inner = document.get("properties", document) if isinstance(document, dict) else None
    return isinstance(inner, dict) and "policyAssignmentId" in inner and "exemptionCategory" in inner


def parse_exemption(document: Json, *, origin: str) -> ExemptionDocument:
    """Read an exemption.

    Raises:
        InvalidDefinition: names the file, the JSON path, what was expected and what was found.
    """
    outer = Fields.of(document, origin)
    inner = outer.inner("properties") if "properties" in outer.body else outer
    written = outer.optional("id") or ""
    name = outer.optional("name") or written.rpartition("/")[2]
    at = written.casefold().find(MARK)
    scope = inner.optional("scope") or (written[:at] if at > 0 else None)
    if not name or scope is None:
        raise outer.wrong("exemption has no place", "id", expected=f"scope{MARK}name", got=written or name)
    category = inner.text("exemptionCategory")
    known = {each.casefold(): each for each in CATEGORIES}
    if category.casefold() not in known:
        raise inner.wrong("category is unknown", "exemptionCategory", expected=list(CATEGORIES), got=category)
    metadata = inner.inner("metadata").body
    display_name = inner.optional("displayName") or name
    return ExemptionDocument(
        exemption_id=written or f"{scope.rstrip('/')}/providers/{KIND}/{name}",
        display_name=display_name,
        assignment_id=inner.text("policyAssignmentId"),
        reference_ids=frozenset(each.casefold() for each in inner.texts("policyDefinitionReferenceIds") or ()),
        scope=parse_scope(scope),
        category=known[category.casefold()],
        reason=inner.optional("description") or display_name,
        owner=next((str(metadata[each]) for each in _OWNERS if metadata.get(each)), _UNSTATED),
        expires_at=_instant(inner),
        selectors=parse_resource_selectors(inner),
        origin=origin,
    )


def waivers(
    documents: Iterable[ExemptionDocument], policies: Mapping[PolicyId, Effective], tree: ScopeTree
) -> tuple[Exemption, ...]:
    """The waivers that exemptions make, in order of id; an exemption of an assignment that is not here makes none.

    Args:
        policies: those in force, by the id that a scan judges them under.
    """
    ordered = sorted(documents, key=lambda document: document.exemption_id.casefold())
    return tuple(found for document in ordered for found in _waiver(document, policies, tree))


def _waiver(
    document: ExemptionDocument, policies: Mapping[PolicyId, Effective], tree: ScopeTree
) -> Iterator[Exemption]:
    named = tuple(sorted(policy_id for policy_id, policy in policies.items() if document.concerns(policy)))
    if named:
        yield Exemption(
            exemption_id=document.exemption_id,
            policy=document.assignment_id,
            reason=document.reason,
            owner=document.owner,
            scope=document.scope.text,
            resource=None,
            created_at=None,
            expires_at=document.expires_at,
            category=document.category,
            policies=named,
            below=tree.below(document.scope) if document.scope.is_above else (),
            selectors=document.selectors,
        )


def _instant(inner: Fields) -> datetime | None:
    text = inner.optional("expiresOn")
    if text is None:
        return None
    try:
        return parse_instant(text)
    except InputError as failure:
        raise inner.wrong("not a time", "expiresOn", **{**failure.facts, "got": text}) from None
