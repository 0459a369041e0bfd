"""Bundles of policies for one tenant: tested, compared with what is in force, tried on the graph, and put in force.

An order is checked whole before anything is written: the signature, the tests, the definitions that it names, the state
that its plan was made against. Then it is recorded as evidence, and only then put in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from actors.messages import APPLIED, AssignmentChange, BundleOrder
from actors.policy_catalogue import assigned_in, definition_finder, known_definitions
from actors.policy_ledger import Revision
from actors.policy_rows import change_row, difference_rows, revision_row
from actors.tenant_policies import TenantPolicies
from assessment.applying import assigned_waivers, with_masks
from assessment.inputs import AssessedPolicy, required_paths
from assessment.policies import definition_digest
from assessment.policy_change import Estate, InForce, PolicyChange, policy_change
from chain.note import VerifierKey
from domain.clock import format_instant
from domain.errors import ConflictError, InputError, NotFound
from domain.evidence import EventType, EvidenceEvent
from domain.resource import ConfigurationItem
from domain.tenancy import TenantId
from domain.value import Json
from graph.build import build_snapshot
from policy.bundle import Bundle, parse_bundle
from policy.bundle_check import CheckReport, Known, check_bundle
from policy.bundle_diff import bundle_diff
from policy.bundle_signature import parse_trusted_keys, verified_signers
from policy.policy_set import PolicySet, identity_of, read_policy_set

Row = dict[str, Any]
UNKNOWN_SHOWN_MAX = 20


class Holdings(Protocol):
    """What of a tenant's state is needed beside its policies: its graph."""

    @property
    def tenant(self) -> TenantId:
        """Whose they are."""

    def items(self) -> tuple[ConfigurationItem, ...]:
        """The graph's resources, in order of `resource_key`."""


@dataclass(frozen=True, slots=True)
class Decided:
    """An order that was checked: what to record, and what to put in force after that."""

    revision: Revision
    event: EvidenceEvent | None
    files: Mapping[str, Json]
    signature: str | None


class PolicyDesk:
    """Works on one tenant's bundles.

    Args:
        keys: file of trusted keys; None where no signature is asked for.
    """

    def __init__(self, holdings: Holdings, policies: TenantPolicies, keys: Path | None) -> None:
        self._holdings, self._policies = holdings, policies
        self._ledger = policies.ledger
        self._keys = keys

    def check(self, order: BundleOrder) -> Row:
        """Run a bundle's tests.

        Raises:
            InvalidDefinition: a document of it is not valid.
        """
        report = self._checked(parse_bundle(order.files), order.at)
        return {
            "results": [{**asdict(result), "is_passed": result.is_passed} for result in report.results],
            "failed": len(report.failed),
            "untested": list(report.untested),
        }

    def plan(self, order: BundleOrder, *, tries: bool) -> Row:
        """What applying a bundle would change, and with `tries` on which resources.

        Raises:
            InvalidDefinition: a document of it is not valid.
            InputError: it assigns what nobody knows.
        """
        bundle, applied = parse_bundle(order.files), self._ledger.applied()
        before = None if applied is None else applied.bundle
        current = self._ledger.current()
        self._require_known(bundle)
        self._require_new_version(bundle)
        return {
            "bundle": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
            "base": {
                "revision": 0 if current is None else current.revision,
                "name": None if before is None else before.name,
                "version": None if before is None else before.version,
                "digest": None if before is None else before.digest,
                "state": self._state(before, bundle),
            },
            "made_at": format_instant(order.at),
            "changes": difference_rows(bundle_diff(before, bundle)),
            "what_if": self._tried(self._ledger.policies(), bundle.policies, order.at) if tries else None,
        }

    def what_if(self, change: AssignmentChange) -> Row:
        """What a change of the documents in force would do to the resources of the graph.

        Raises:
            InvalidDefinition: a document is not valid.
            NotFound: an id to remove is not in force.
        """
        applied = self._ledger.applied()
        before = [] if applied is None else list(applied.bundle.documents)
        named = [(f"request:{number}", dict(each)) for number, each in enumerate(change.documents, start=1)]
        after = _replaced(before, named, change.remove)
        return self._tried(read_policy_set(before), read_policy_set(after), change.at)

    def decide(self, order: BundleOrder) -> Decided:
        """Check an order to apply a bundle; nothing is written.

        Raises:
            AccessDenied: it is not signed by a trusted key where keys are trusted.
            InputError: a test fails, or it assigns what nobody knows.
            ConflictError: its plan was made against another state, or its version was applied with other documents.
        """
        bundle, applied = parse_bundle(order.files), self._ledger.applied()
        before = None if applied is None else applied.bundle
        signers = verified_signers(bundle, order.signature, self._trusted())
        state = self._state(before, bundle)
        if order.base_state not in {None, state}:
            raise ConflictError(
                "plan was made against another state",
                expected=order.base_state,
                got=state,
                todo="Make a new plan and look at it again",
            )
        self._require_known(bundle)
        self._require_new_version(bundle)
        _require_passed(self._checked(bundle, order.at))
        return self._decided(order, bundle, signers, action="applied", of_revision=None)

    def decide_rollback(self, order: BundleOrder, number: int) -> Decided:
        """Check an order to go back to the bundle of a revision; nothing is written.

        Raises:
            NotFound: there is no such revision.
            AccessDenied: the bundle of then is not signed by a key that is trusted now.
        """
        former = self._ledger.bundle(self._ledger.revision(number).digest)
        signers = verified_signers(former.bundle, former.signature, self._trusted())
        self._require_known(former.bundle)
        again = BundleOrder(order.tenant, former.bundle.files, order.at, former.signature, by=order.by)
        return self._decided(again, former.bundle, signers, action="rolled_back", of_revision=number)

    def commit(self, decided: Decided, evidence_id: str) -> Row:
        """Put in force what was decided and recorded.

        Raises:
            ConflictError: another bundle was applied meanwhile.
        """
        if decided.event is None:
            return {**revision_row(decided.revision), "is_changed": False}
        fields = {**asdict(decided.revision), "signers": decided.revision.signers, "evidence_id": evidence_id}
        revision = self._ledger.commit(Revision(**fields), decided.files, decided.signature)
        return {**revision_row(revision), "is_changed": True}

    def history(self) -> tuple[Row, ...]:
        """Every revision, newest first."""
        return tuple(revision_row(each) for each in reversed(self._ledger.history()))

    def _decided(
        self, order: BundleOrder, bundle: Bundle, signers: tuple[str, ...], *, action: str, of_revision: int | None
    ) -> Decided:
        current = self._ledger.current()
        if current is not None and current.digest == bundle.digest:
            return Decided(current, None, {}, None)
        revision = Revision(
            revision=1 if current is None else current.revision + 1,
            action=action,
            name=bundle.name,
            version=bundle.version,
            digest=bundle.digest,
            at=format_instant(order.at),
            by=order.by,
            signers=signers,
            of_revision=of_revision,
        )
        event = _event(order, revision, None if current is None else current.digest, self._counts(bundle))
        return Decided(revision, event, order.files, order.signature)

    def _counts(self, bundle: Bundle) -> dict[str, int]:
        applied = self._ledger.applied()
        changes = bundle_diff(None if applied is None else applied.bundle, bundle)
        return {name: sum(each.action == name for each in changes) for name in ("added", "changed", "removed")}

    def _checked(self, bundle: Bundle, at: datetime) -> CheckReport:
        known = Known(known_definitions(self._policies.definitions()), self._policies.alias_table())
        return check_bundle(bundle, known, now=at)

    def _tried(self, before: PolicySet, after: PolicySet, at: datetime) -> Row:
        return change_row(self._change(before, after, at))

    def _change(self, before: PolicySet, after: PolicySet, at: datetime) -> PolicyChange:
        items = self._holdings.items()
        done: dict[str, AssessedPolicy] = {}
        old, new = (self._in_force(each, items, done) for each in (before, after))
        paths = required_paths([*old.policies, *new.policies], items)
        snapshot = build_snapshot(self._holdings.tenant, items, as_of=at, paths_by_type=paths)
        return policy_change(old, new, Estate(snapshot, items, at))

    def _in_force(
        self, policies: PolicySet, items: Sequence[ConfigurationItem], done: dict[str, AssessedPolicy]
    ) -> InForce:
        table, definitions = self._policies.alias_table(), self._policies.definitions()
        chosen = assigned_in(policies, definitions, table, source=APPLIED, done=done)
        masked = with_masks(chosen.policies, items)
        return InForce(masked, assigned_waivers(chosen.exemptions, masked, items))

    def _state(self, before: Bundle | None, after: Bundle) -> str:
        """Digest of what a plan depends on: the bundle in force, and the definitions outside that either set uses."""
        sets = [after.policies] if before is None else [before.policies, after.policies]
        find = definition_finder(PolicySet(), self._policies.definitions())
        used = {policy.definition_id.casefold() for each in sets for policy in each.effective}
        outside = {name: definition_digest(found) for name in sorted(used) if (found := find(name)) is not None}
        parts = [None if before is None else before.digest, outside]
        return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def _require_known(self, bundle: Bundle) -> None:
        unknown = bundle.policies.unknown(known_definitions(self._policies.definitions()))
        if unknown:
            named = [f"{each.definition_id} in {each.assignment.origin}" for each in unknown[:UNKNOWN_SHOWN_MAX]]
            raise InputError(
                "assigned definitions are not known",
                where=unknown[0].assignment.origin,
                path="$.properties.policyDefinitionId",
                expected="ids of definitions of the bundle, imported or built in",
                got=named,
                todo="Add them to the bundle, or import them with: pcg policies import PATH",
            )

    def _require_new_version(self, bundle: Bundle) -> None:
        for revision in self._ledger.history():
            is_same = (revision.name, revision.version) == (bundle.name, bundle.version)
            if is_same and revision.digest != bundle.digest:
                raise ConflictError(
                    "this version was applied with other documents",
                    where="bundle.json",
                    path="$.version",
                    expected=revision.digest,
                    got=bundle.digest,
                    todo="Raise the version in bundle.json",
                )

    def _trusted(self) -> Sequence[VerifierKey]:
        if self._keys is None:
            return ()
        try:
            text = self._keys.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(
                "trusted keys cannot be read",
                where=str(self._keys),
                got=str(error),
                todo="Write the keys that may sign policies into the file that the setting policy_keys names",
            ) from None
        return parse_trusted_keys(text, where=str(self._keys))


def _replaced(
    before: Iterable[tuple[str, Json]], documents: Sequence[tuple[str, Json]], remove: Sequence[str]
) -> list[tuple[str, Json]]:
    """The documents in force after some took the place of others."""

    def key(origin: str, document: Json) -> tuple[str, str]:
        kind, identity = identity_of(document, origin=origin)
        return kind.value, identity.casefold()

    kept = {key(origin, document): (origin, document) for origin, document in before}
    for name in remove:
        gone = [found for found in kept if name.casefold() in {found[1], found[1].rpartition("/")[2]}]
        if not gone:
            raise NotFound("nothing in force has this id", got=name, todo="See what is applied: pcg policies history")
        for found in gone:
            del kept[found]
    return list((kept | {key(origin, document): (origin, document) for origin, document in documents}).values())


def _require_passed(report: CheckReport) -> None:
    if report.failed:
        first = report.failed[0]
        raise InputError(
            "tests of the bundle fail",
            where=first.where,
            policy=first.policy_id,
            example=first.example,
            expected=first.expected,
            got=first.got,
            reason=first.reason,
            failed=len(report.failed),
            todo="See all of them with: pcg policies test DIR",
        )


def _event(order: BundleOrder, revision: Revision, former: str | None, counts: Mapping[str, int]) -> EvidenceEvent:
    """What the log says of a change: who, what, which digest. Recorded before it is put in force."""
    name = f"policy-bundle-{revision.revision}-{revision.digest[:16]}"
    details: dict[str, Json] = {
        "bundle": revision.name,
        "version": revision.version,
        "bundle_sha256": revision.digest,
        "former_sha256": former,
        "revision": revision.revision,
        "of_revision": revision.of_revision,
        "signers": list[Json](revision.signers),
        **counts,
    }
    body: dict[str, Json] = {
        "id": name,
        "subject": f"policies of {order.tenant}",
        "change": f"bundle {revision.name} {revision.version}",
        "state": revision.action,
        "system": "policycortex",
        "approver_role": revision.by,
        "applied_at": revision.at,
        "tests_passed": True,
        "details": details,
    }
    if order.commit is not None:
        body["commit"] = order.commit
    request_id = f"policies/{name}/{revision.at}"
    return EvidenceEvent(order.tenant, request_id, EventType.CHANGE_RECORD, order.at, body)
