"""What one policy costs and saves, by stored bills, with the whole bill as its frame.

Every charge of the period has one place: a policy that its resource violates (in equal parts where there are several),
resources that violate nothing (`NO_POLICY`), or a group of cost without a resource (`tax`, `credit`, unused
commitments, `purchase`, no resource). Declared rules give those groups out; policies, `NO_POLICY` and what nobody can
take add up to the bill. `at_risk` beside it is the whole cost of a policy's resources, and overlaps.

What mending saves is known where the violating resource itself buys nothing (`cost.policy_cost.WASTE_TAGS`): its own
cost in equal parts with the other wasteful policies that it violates, so that fixes never add up to more than the
resource costs. For other policies it is None with the reason: the policy does not say what the mended resource costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import polars as pl

from assessment.spend import NO_POLICY
from cost.billing.frame import COUNTED, bill_frame, within
from cost.billing.query import BillingQuery
from cost.billing.store import BillingStore
from cost.charges import AMOUNT
from cost.matching import Billable, Charged, Matcher, Mismatch
from cost.policy_cost import is_waste
from cost.sharing import Shared, SharingRule, share, split
from domain.errors import InputError, NotFound

UNUSED: Final = "(unused commitments)"
NO_RESOURCE: Final = "(no resource)"
OTHERS: Final = ("(tax)", "(credit)", "(purchase)", "(adjustment)", UNUSED, NO_RESOURCE)
"""Groups of cost without a resource, which rules can give out."""

RESOURCES_SHOWN: Final = 1_000
_NOT_SAID: Final = "the policy does not say what its resources cost when they are mended"

_SQL: Final = f"""
SELECT ResourceId AS uid, SubAccountId AS account, BillingCurrency AS currency,
       CASE WHEN CommitmentDiscountStatus = 'Unused' THEN '{UNUSED}'
            WHEN ChargeCategory <> 'Usage' AND ResourceId IS NULL THEN '(' || lower(ChargeCategory) || ')'
            WHEN ResourceId IS NULL THEN '{NO_RESOURCE}' ELSE '' END AS apart,
       SUM({COUNTED}) AS amount, COUNT(*) AS rows
FROM charges WHERE {{conditions}} GROUP BY ALL
"""  # noqa: S608 (fixed words of ours)


@dataclass(frozen=True, slots=True)
class PolicyMoney:
    """One policy in one currency.

    Args:
        own: its resources' cost in equal parts with the other policies that they violate.
        given: what each rule gives it of cost without a resource.
        saving: a month's worth over the period asked; None where the policy does not say.
        resources: the dearest first: id, cost, and the policy's part of it.
    """

    currency: str
    own: Decimal
    given: Mapping[str, Decimal]
    at_risk: Decimal
    saving: Decimal | None
    reason: str | None
    resources: tuple[tuple[str, Decimal, Decimal], ...]
    rows: int

    @property
    def total(self) -> Decimal:
        """What it costs, shared cost included."""
        return self.own + sum(self.given.values(), Decimal(0))


@dataclass(frozen=True, slots=True)
class BillByPolicy:
    """A whole bill in one currency, given to policies: `shared.whole` is what was billed."""

    currency: str
    shared: Shared
    billed: Decimal


def policy_money(
    store: BillingStore,
    policy: Mapping[str, Any],
    violations: Sequence[Mapping[str, Any]],
    query: BillingQuery,
    rules: Sequence[SharingRule] = (),
    *,
    tags: Mapping[str, str | None],
) -> tuple[tuple[PolicyMoney, ...], tuple[BillByPolicy, ...]]:
    """What one policy costs and saves, and the bill that it is a part of, by currency.

    Args:
        policy: its entry in a scan's document. violations: every policy's.
        query: its days; groups and measures are ignored.
        tags: cost tag of every policy.

    Raises:
        InputError: a rule makes no sense.
    """
    charges = _charges(store, query)
    if charges.is_empty():
        return (), ()
    by_resource = _policies_of(violations)
    placed = _placed(charges, violations)
    found = [_in_currency(part, str(policy["id"]), by_resource, rules, tags) for part in placed]
    return tuple(one for one, _ in found), tuple(whole for _, whole in found)


def policy_entry(document: Mapping[str, Any], policy_id: str) -> Mapping[str, Any]:
    """A policy's entry in a scan's document.

    Raises:
        NotFound: the scan did not know the policy.
    """
    found = next((row for row in document["policies"] if row["id"] == policy_id), None)
    if found is None:
        raise NotFound("the last scan had no such policy", policy_id=policy_id, todo="Scan with this policy first")
    entry: Mapping[str, Any] = found
    return entry


def require_known(rules: Iterable[SharingRule], policies: Iterable[str]) -> None:
    """Refuse rules that share or receive what is not there.

    Raises:
        InputError: a rule shares a policy's own cost, or names a receiver that is no policy.
    """
    known = {*policies, NO_POLICY}
    for rule in rules:
        strange = (rule.shared - set(OTHERS)) | ({*rule.receivers, *rule.weights} - known)
        if strange:
            raise InputError(
                "a rule names what is neither shared cost nor a policy",
                where=rule.name,
                got=min(strange),
                expected=f"shared: {', '.join(OTHERS)}; receivers: policies",
                todo="Correct the rule",
            )


def _charges(store: BillingStore, query: BillingQuery) -> pl.DataFrame:
    conditions, values = within(query.start, query.end)
    found = bill_frame(store, _SQL.format(conditions=conditions), values)
    return found.with_columns(pl.col("amount").cast(AMOUNT)) if not found.is_empty() else found


def _policies_of(violations: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for each in violations:
        found.setdefault(str(each["resource_id"]), set()).add(str(each["policy_id"]))
    return {uid: sorted(policies) for uid, policies in found.items()}


def _placed(charges: pl.DataFrame, violations: Sequence[Mapping[str, Any]]) -> list[pl.DataFrame]:
    """Charges by currency, with the violating resource that each is for; nothing where there is none."""
    named = {str(e["resource_id"]): (str(e.get("resource_name") or ""), str(e.get("scope") or "")) for e in violations}
    uids = sorted(named)
    matcher = Matcher(Billable(uids, [named[uid][0] for uid in uids], [named[uid][1] for uid in uids]))
    pairs = charges.filter(pl.col("apart") == "").select("uid", "account").unique()
    matched = [matcher.match(Charged(uid, None, account)) for uid, account in pairs.rows()]
    looked_up = pairs.with_columns(
        pl.Series("violator", [None if isinstance(f, Mismatch) else uids[f[0]] for f in matched], dtype=pl.String)
    )
    joined = charges.join(looked_up, on=["uid", "account"], how="left", nulls_equal=True)
    only = pl.when(pl.col("apart") == "").then("violator").alias("violator")
    sums = joined.with_columns(only).group_by("currency", "apart", "violator").agg(pl.col("amount", "rows").sum())
    return sums.sort("currency", "apart", "violator").partition_by("currency", maintain_order=True)


def _in_currency(
    rows: pl.DataFrame,
    policy_id: str,
    by_resource: Mapping[str, Sequence[str]],
    rules: Sequence[SharingRule],
    tags: Mapping[str, str | None],
) -> tuple[PolicyMoney, BillByPolicy]:
    currency = str(rows["currency"][0])
    amounts: dict[str, Decimal] = {}
    own: list[tuple[str, Decimal, Decimal]] = []
    saving = Decimal(0)
    own_rows = 0
    for apart, violator, amount, count in rows.select("apart", "violator", "amount", "rows").rows():
        policies = by_resource.get(violator or "", ())
        if apart or not policies:
            key = apart or NO_POLICY
            amounts[key] = amounts.get(key, Decimal(0)) + amount
            continue
        for name, part in split(amount, dict.fromkeys(policies, Decimal(1))).items():
            amounts[name] = amounts.get(name, Decimal(0)) + part
            if name == policy_id:
                own.append((violator, amount, part))
                own_rows += count
                saving += _saved(amount, policy_id, policies, tags)
    shared = share(amounts, rules)
    mine = next((each for each in shared.shares if each.key == policy_id), None)
    wasteful = is_waste(tags.get(policy_id))
    money = PolicyMoney(
        currency=currency,
        own=sum((part for _, _, part in own), Decimal(0)),
        given=mine.given if mine else {},
        at_risk=sum((amount for _, amount, _ in own), Decimal(0)),
        saving=saving if wasteful else None,
        reason=None if wasteful else _NOT_SAID,
        resources=tuple(sorted(own, key=lambda each: (-each[1], each[0]))[:RESOURCES_SHOWN]),
        rows=own_rows,
    )
    return money, BillByPolicy(currency, shared, sum(amounts.values(), Decimal(0)))


def _saved(amount: Decimal, policy_id: str, policies: Sequence[str], tags: Mapping[str, str | None]) -> Decimal:
    """A wasteful policy's part of what a resource costs: the wasteful ones share it, so together never more than it."""
    wasteful = [name for name in policies if is_waste(tags.get(name))]
    if policy_id not in wasteful or amount <= 0:
        return Decimal(0)
    return split(amount, dict.fromkeys(wasteful, Decimal(1)))[policy_id]
