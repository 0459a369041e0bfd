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
from cost.charges import AMOUNT, exact_sum
from cost.matching import Billable, Charged, Matcher, Mismatch
from cost.policy_cost import is_waste
from cost.sharing import Shared, SharingRule, share, split
from domain.errors import InputError, NotFound

UNUSED: Final = "(unused commitments)"
NO_RESOURCE: Final = "(no resource)"
OTHERS: Final = ("(tax)", "(credit)", "(purchase)", "(adjustment)", UNUSED, NO_RESOURCE)
"""Groups of cost without a resource, which rules can give out."""

RESOURCES_SHOWN: Final = 1_000
_END: Final = r"[^/:]*$"
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
    found = bill_frame(store, _SQL.format(conditions=conditions), values, start=query.start)
    return found.with_columns(pl.col("amount").cast(AMOUNT)) if not found.is_empty() else found


def _policies_of(violations: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, set[str]] = {}
    for each in violations:
        found.setdefault(str(each["resource_id"]), set()).add(str(each["policy_id"]))
    return {uid: sorted(policies) for uid, policies in found.items()}


def _placed(charges: pl.DataFrame, violations: Sequence[Mapping[str, Any]]) -> list[pl.DataFrame]:
    """Charges by currency, with the violating resource that each is for; nothing where there is none."""
    pairs = charges.filter(pl.col("apart") == "").select("uid", "account").unique()
    joined = charges.join(_violators(pairs, violations), on=["uid", "account"], how="left", nulls_equal=True)
    only = pl.when(pl.col("apart") == "").then("violator").alias("violator")
    sums = joined.with_columns(only).group_by("currency", "apart", "violator").agg(pl.col("amount", "rows").sum())
    return sums.sort("currency", "apart", "violator").partition_by("currency", maintain_order=True)


def _violators(pairs: pl.DataFrame, violations: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The violating resource of each charged id and account.

    Equal ids are joined; of the others, only those that end as a violating resource's id does can be one, and these few
    are matched as `cost.matching` says.
    """
    named = {str(e["resource_id"]): (str(e.get("resource_name") or ""), str(e.get("scope") or "")) for e in violations}
    uids = sorted(named)
    own = pl.DataFrame({"uid": uids, "violator": uids}, schema={"uid": pl.String, "violator": pl.String})
    equal = pairs.join(own, on="uid", how="left")
    ends = own.select(pl.col("uid").str.extract(_END, 0).str.to_lowercase().alias("end")).unique()
    rest = equal.filter(pl.col("violator").is_null()).with_columns(
        pl.col("uid").str.extract(_END, 0).str.to_lowercase().alias("end")
    )
    near = rest.join(ends, on="end", how="semi").select("uid", "account")
    matcher = Matcher(Billable(uids, [named[uid][0] for uid in uids], [named[uid][1] for uid in uids]))
    matched = [matcher.match(Charged(uid, None, account)) for uid, account in near.rows()]
    found = near.with_columns(
        pl.Series("violator", [None if isinstance(f, Mismatch) else uids[f[0]] for f in matched], dtype=pl.String)
    )
    return pl.concat([equal.drop_nulls("violator"), found])


def _in_currency(
    rows: pl.DataFrame,
    policy_id: str,
    by_resource: Mapping[str, Sequence[str]],
    rules: Sequence[SharingRule],
    tags: Mapping[str, str | None],
) -> tuple[PolicyMoney, BillByPolicy]:
    amounts: dict[str, Decimal] = {}
    for apart, amount in rows.filter(pl.col("violator").is_null()).select("apart", "amount").rows():
        amounts[apart or NO_POLICY] = amounts.get(apart or NO_POLICY, Decimal(0)) + amount
    sets, violating = _by_set(rows, by_resource)
    saving = Decimal(0)
    for policies, amount, positive in sets:
        for name, part in split(amount, dict.fromkeys(policies, Decimal(1))).items():
            amounts[name] = amounts.get(name, Decimal(0)) + part
        saving += _saved(positive, policy_id, policies, tags)
    shared = share(amounts, rules)
    mine = next((each for each in shared.shares if each.key == policy_id), None)
    own = violating.filter(pl.col("policies").list.contains(policy_id))
    wasteful = is_waste(tags.get(policy_id))
    money = PolicyMoney(
        currency=str(rows["currency"][0]),
        own=amounts.get(policy_id, Decimal(0)),
        given=mine.given if mine else {},
        at_risk=exact_sum(own["amount"]),
        saving=saving if wasteful else None,
        reason=None if wasteful else _NOT_SAID,
        resources=_dearest(own, policy_id),
        rows=int(own["rows"].sum()),
    )
    return money, BillByPolicy(money.currency, shared, sum(amounts.values(), Decimal(0)))


def _by_set(
    rows: pl.DataFrame, by_resource: Mapping[str, Sequence[str]]
) -> tuple[list[tuple[tuple[str, ...], Decimal, Decimal]], pl.DataFrame]:
    """Cost of violating resources by the policies that they violate: all of it, and what is above zero; and each one.

    Resources that violate the same policies are given out together, so that a bill of a million costs a few divisions.
    """
    sets: dict[tuple[str, ...], int] = {}
    codes = [sets.setdefault(tuple(policies), len(sets)) for policies in by_resource.values()]
    known = pl.DataFrame(
        {"violator": list(by_resource), "set": codes}, schema={"violator": pl.String, "set": pl.UInt32}
    )
    violating = rows.drop_nulls("violator").join(known, on="violator", how="left")
    above = pl.col("amount").filter(pl.col("amount") > 0).sum().alias("positive")
    sums = violating.group_by("set").agg(pl.col("amount").sum(), above)
    names = list(sets)
    policies = pl.DataFrame(
        {"set": range(len(names)), "policies": names}, schema={"set": pl.UInt32, "policies": pl.List(pl.String)}
    )
    found = [(names[code], amount, positive) for code, amount, positive in sums.sort("set").rows()]
    return found, violating.join(policies, on="set", how="left")


def _dearest(own: pl.DataFrame, policy_id: str) -> tuple[tuple[str, Decimal, Decimal], ...]:
    """The dearest resources, with the policy's part of each."""
    first = own.sort("amount", "violator", descending=[True, False]).head(RESOURCES_SHOWN)
    return tuple(
        (uid, amount, split(amount, dict.fromkeys(policies, Decimal(1)))[policy_id])
        for uid, amount, policies in first.select("violator", "amount", "policies").rows()
    )


def _saved(amount: Decimal, policy_id: str, policies: Sequence[str], tags: Mapping[str, str | None]) -> Decimal:
    """A wasteful policy's part of what resources cost: the wasteful ones share it, so together never more than it."""
    wasteful = [name for name in policies if is_waste(tags.get(name))]
    if policy_id not in wasteful or amount <= 0:
        return Decimal(0)
    return split(amount, dict.fromkeys(wasteful, Decimal(1)))[policy_id]
