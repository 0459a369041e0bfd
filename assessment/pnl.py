"""The profit and loss of governance: what it saved by the bills, what it costs itself, and what it made safer.

Nothing is counted twice and nothing is taken on trust: a saving counts when bills show it, the platform's own cost is
subtracted, and what cannot be known is said to be unknown. Every figure names the billing rows and the evidence that
it rests on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from assessment.finding_lives import Lives
from assessment.ledger import COUNTERFACTUAL, Saving, SavingStatus, saving_row
from assessment.money import amount_text
from assessment.prevention import Prevention
from assessment.projection_findings import RISK_WEIGHTS
from assessment.realised import MONTH_DAYS, Observed
from assessment.risk_change import NO_SCAN_AT_ALL, unknown_loss
from assessment.whatif import Selection
from assessment.whatif_world import cents
from cost.billing.cells import CellCost

Row = dict[str, Any]
PROMISE: Final = (0.08, 0.15)
"""Share of spend that governance is to save."""

YEAR_MONTHS: Final = 12
YEAR_DAYS: Final = 365


@dataclass(frozen=True, slots=True)
class PlatformCost:
    """What the platform itself costs: a fee a month, and the billing rows of what it runs on."""

    fee_month: Decimal
    currency: str
    where: Selection = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Books:
    """What the statement is made of.

    Args:
        spend: by day and currency; cell 1 is what the platform runs on, where that is selected.
        start, through: the first and the last day of the window.
        document: the last scan's; None without one.
        expected_loss: as `assessment.risk_change` has it.
    """

    start: date
    through: date
    spend: Sequence[CellCost]
    savings: Sequence[Saving]
    observed: Sequence[Observed]
    platform: PlatformCost | None
    lives: Lives
    preventions: Sequence[Prevention]
    document: Mapping[str, Any] | None
    expected_loss: Row = field(default_factory=lambda: unknown_loss(NO_SCAN_AT_ALL))

    @property
    def days(self) -> int:
        """Days of the window."""
        return (self.through - self.start).days + 1


def dashboard(books: Books) -> Row:
    """The whole statement: figures, series to draw, and the summary in words."""
    figures = metrics(books)
    return {
        **figures,
        "savings_timeline": _timeline(books),
        "policy_impact": _policy_impact(books),
        "compliance_coverage": _coverage(books),
        "savings": [observed_row(books, saving) for saving in books.savings],
        "counterfactual": COUNTERFACTUAL,
    }


def metrics(books: Books) -> Row:
    """The figures alone."""
    statements = [_statement(books, currency) for currency in _currencies(books)]
    kpis = {**_times(books), **_safety(books)}
    return {
        "window": {"from": books.start.isoformat(), "to": books.through.isoformat(), "days": books.days},
        "statements": statements,
        **kpis,
        "summary": _summary(books, statements, kpis),
    }


def observed_row(books: Books, saving: Saving) -> Row:
    """A saving with what bills show of it, and the rows and entries behind it."""
    seen = next((each for each in books.observed if each.saving_id == saving.saving_id), None)
    row = saving_row(saving)
    row["observed"] = None
    if seen is not None:
        row["observed"] = {
            "status": "realised" if seen.is_realised else "loss" if seen.is_loss else "not shown by the bills",
            "amount": _text(seen.amount),
            "low": None if seen.low is None else _text(seen.low),
            "high": None if seen.high is None else _text(seen.high),
            "days": seen.days,
            "counterfactual": _text(seen.counterfactual),
            "paid": _text(seen.paid),
            "billing_rows": seen.rows,
            "shares_with": list(seen.shares_with),
            "reason": seen.reason or None,
        }
    row["rests_on"] = {
        "billing": {"where": row["where"], "from": seen.start.isoformat() if seen else None, "to": str(books.through)},
        "evidence_ids": [step.evidence_id for step in saving.steps if step.evidence_id],
    }
    return row


def _statement(books: Books, currency: str) -> Row:
    """Profit and loss in one currency."""
    spend = float(sum(each.amount for each in books.spend if each.currency == currency))
    savings = {each.saving_id: each for each in books.savings if each.currency == currency}
    seen = [each for each in books.observed if each.saving_id in savings]
    realised, low, high = _realised(books, seen)
    open_amount = sum(_in_window(books, each) for each in seen if not (each.is_realised or each.is_loss))
    promised = [each for each in savings.values() if each.status in {SavingStatus.APPROVED, SavingStatus.APPLIED}]
    planned = float(sum((each.likely for each in promised), Decimal(0)))
    pipeline = [each for each in savings.values() if each.status is SavingStatus.PREDICTED]
    own = _own_cost(books, currency)
    net = None if own is None else realised - own
    would_be = spend + realised
    spend_month = spend / books.days * MONTH_DAYS
    return {
        "currency": currency,
        "spend": _text(spend),
        "realised": {"amount": _text(realised), "low": _maybe(low), "high": _maybe(high)},
        "observed_not_realised": _text(open_amount),
        "planned_30_days": _text(planned),
        "predicted_30_days": _text(float(sum((each.likely for each in pipeline), Decimal(0)))),
        "platform_cost": _maybe(own),
        "net": _maybe(net),
        "governance_roi": None if net is None or not own else round(net / own, 4),
        "realised_share_of_spend": round(realised / would_be, 4) if would_be > 0 else None,
        "planned_share_of_spend": round(planned / spend_month, 4) if spend_month > 0 else None,
        "promise": list(PROMISE),
        "rests_on": {
            "billing": {"from": books.start.isoformat(), "to": books.through.isoformat()},
            "savings": [each.saving_id for each in seen if each.realised],
            "evidence_ids": sorted(
                step.evidence_id for each in savings.values() for step in each.steps if step.evidence_id
            ),
        },
    }


def _realised(books: Books, seen: Sequence[Observed]) -> tuple[float, float | None, float | None]:
    """What counts in the window, and its interval: widths are added, as if all went wrong together."""
    counted = [each for each in seen if each.is_realised or each.is_loss]
    amount = sum(_in_window(books, each) for each in counted)
    width = 0.0
    for each in counted:
        assert each.high is not None
        width += (each.high - each.amount) * _days_in_window(books, each) / max(1, len(each.by_day))
    return amount, amount - width, amount + width


def _in_window(books: Books, seen: Observed) -> float:
    return sum(amount for day, amount in _dated(seen) if books.start <= day <= books.through)


def _days_in_window(books: Books, seen: Observed) -> int:
    return sum(books.start <= day <= books.through for day, _ in _dated(seen))


def _dated(seen: Observed) -> list[tuple[date, float]]:
    return [(seen.start + timedelta(days=place), amount) for place, amount in enumerate(seen.by_day)]


def _own_cost(books: Books, currency: str) -> float | None:
    """The platform's own bill over the window; None where nobody said what it is, or it is in another currency."""
    own = books.platform
    if own is None:
        return None
    rows = float(sum(each.amount for each in books.spend if each.cell and each.currency == currency))
    if own.currency != currency:
        return rows if own.where and rows else None
    return float(own.fee_month) * YEAR_MONTHS / YEAR_DAYS * books.days + rows


def _currencies(books: Books) -> list[str]:
    return sorted({each.currency for each in books.spend} | {each.currency for each in books.savings})


def _times(books: Books) -> Row:
    """How fast findings go, and how fast predictions are mended before they come true."""
    closed = [
        (life.closed_at - life.opened_at).total_seconds() / 3_600
        for life in books.lives.lives
        if life.closed_at is not None and not life.is_first and books.start <= life.closed_at.date()
    ]
    hours = [each.hours for each in books.preventions if books.start <= each.gone_at.date()]
    return {
        "mttr_hours": _mean(closed),
        "findings_closed": len(closed),
        "mean_time_to_prevention_hours": _mean(hours),
        "predictions_prevented": len(hours),
    }


def _safety(books: Books) -> Row:
    """Compliance score and risk, now and at the window's start."""
    score, decided, unknown = _score(books.document)
    then, now = _risk(books, books.start), _risk(books, None)
    return {
        "compliance_score": score,
        "evaluations_decided": decided,
        "evaluations_unknown": unknown,
        "risk_now": now,
        "risk_at_start": then,
        "risk_reduction": None if not then or now is None else round((then - now) / then, 4),
        "expected_loss": books.expected_loss,
    }


def _score(document: Mapping[str, Any] | None) -> tuple[float | None, int, int]:
    """The share of decided evaluations that comply; what is unknown is no part of it and is told beside."""
    if document is None:
        return None, 0, 0
    ran = [row for row in document["policies"] if row["state"] == "ran"]
    failed = sum(int(row["violations"]) for row in ran)
    unknown = sum(int(row["unknown"]) for row in document["policies"])
    decided = sum(int(row["resources"]) - int(row["exempt"]) - int(row["unknown"]) for row in ran)
    return (round(1 - failed / decided, 4) if decided > 0 else None), decided, unknown


def _risk(books: Books, day: date | None) -> float | None:
    """The risk score of what stands open; None where no scan was made by then."""
    open_ = books.lives.open_on(day)
    return None if open_ is None else sum(RISK_WEIGHTS[life.severity] for life in open_)


def _timeline(books: Books) -> list[Row]:
    """Savings by month and currency: what was predicted, approved and applied, and what bills show."""
    months: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for saving in books.savings:
        for step in saving.steps:
            months[f"{step.at:%Y-%m}", saving.currency][step.status.value] += float(saving.likely)
    currency_of = {saving.saving_id: saving.currency for saving in books.savings}
    for seen in books.observed:
        kind = "realised" if seen.is_realised or seen.is_loss else "observed_not_realised"
        for day, amount in _dated(seen):
            months[f"{day:%Y-%m}", currency_of[seen.saving_id]][kind] += amount
    return [
        {"month": month, "currency": currency, **{kind: _text(amount) for kind, amount in sorted(amounts.items())}}
        for (month, currency), amounts in sorted(months.items())
    ]


def _policy_impact(books: Books) -> list[Row]:
    """A row for each policy that violates, costs or saves: the cells of a heat map."""
    rows: dict[str, Row] = {}
    for entry in books.document["policies"] if books.document is not None else ():
        if entry["violations"]:
            rows[entry["id"]] = _impact(entry["id"], entry["severity"], int(entry["violations"]))
    for part in books.document["cost"]["currencies"] if books.document is not None else ():
        for line in part["by_policy"]:
            row = rows.setdefault(line["policy_id"], _impact(line["policy_id"], None, 0))
            row["cost_at_risk_month"][part["currency"]] = line["amount"]
    seen = {each.saving_id: each for each in books.observed}
    for saving in books.savings:
        if not saving.policy_id:
            continue
        row = rows.setdefault(saving.policy_id, _impact(saving.policy_id, None, 0))
        if saving.saving_id in seen:
            known = Decimal(row["realised"].get(saving.currency, "0"))
            row["realised"][saving.currency] = amount_text(known + cents(seen[saving.saving_id].realised))
        if saving.status in {SavingStatus.APPROVED, SavingStatus.APPLIED}:
            known = Decimal(row["planned_30_days"].get(saving.currency, "0"))
            row["planned_30_days"][saving.currency] = amount_text(known + saving.likely)
    return sorted(rows.values(), key=lambda row: (-row["violations"], row["policy_id"]))


def _impact(policy_id: str, severity: str | None, violations: int) -> Row:
    return {
        "policy_id": policy_id,
        "severity": severity,
        "violations": violations,
        "cost_at_risk_month": {},
        "realised": {},
        "planned_30_days": {},
    }


def _coverage(books: Books) -> list[Row]:
    """Controls of each framework by state, as the last scan has them."""
    if books.document is None:
        return []
    counts: defaultdict[str, dict[str, int]] = defaultdict(lambda: {"met": 0, "violated": 0, "unknown": 0})
    for control in books.document["controls"]:
        counts[control["framework"]][control["state"]] += 1
    return [{"framework": name, **states} for name, states in sorted(counts.items())]


def _summary(books: Books, statements: Sequence[Row], kpis: Mapping[str, Any]) -> list[str]:
    """The statement in sentences, each of the figures above."""
    lines = []
    for row in statements:
        currency, realised = row["currency"], row["realised"]
        share = row["realised_share_of_spend"]
        of_spend = "" if share is None else f", {share:.1%} of what would have been spent (promised: 8-15 %)"
        lines.append(
            f"In {books.days} days {_said(row['spend'])} {currency} was spent. "
            f"Bills show {_said(realised['amount'])} {currency} saved{of_spend}; "
            f"{_said(row['observed_not_realised'])} {currency} more is observed and not beyond doubt yet."
        )
        if row["platform_cost"] is None:
            lines.append(f"What the platform itself costs in {currency} is not known, so no return is stated.")
        elif row["governance_roi"] is not None:
            verb = "pays for itself" if float(row["net"]) >= 0 else "does not pay for itself yet"
            lines.append(
                f"The platform cost {_said(row['platform_cost'])} {currency}; "
                f"net {_said(row['net'])} {currency}: it {verb} (return {row['governance_roi']:.0%})."
            )
        planned = f"{_said(row['planned_30_days'])} {currency} a month"
        lines.append(f"Approved and applied measures are planned to save {planned}.")
    score = kpis["compliance_score"]
    if score is None:
        lines.append("No scan decided anything: the compliance score is not known.")
    else:
        lines.append(f"{score:.1%} of {kpis['evaluations_decided']:,} decided evaluations comply.")
    if kpis["risk_reduction"] is not None:
        word = "fell" if kpis["risk_reduction"] >= 0 else "rose"
        lines.append(f"The risk score {word} by {abs(kpis['risk_reduction']):.0%} to {kpis['risk_now']:,.0f}.")
    lines.append(_loss_sentence(kpis["expected_loss"]))
    if kpis["mttr_hours"] is not None:
        lines.append(
            f"{kpis['findings_closed']:,} findings were closed after {kpis['mttr_hours']:,.1f} hours on average."
        )
    return lines


def _loss_sentence(loss: Row) -> str:
    """How a year's expected loss changed, with its interval and how much of it is judgement."""
    yearly = loss["yearly"]
    if yearly is None or yearly["reduction"] is None:
        return f"By how much the expected loss of a year fell is not known: {loss['reason']}."
    before, now, less = yearly["at_start"], yearly["now"], yearly["reduction"]
    word = "fell" if less["mean"] >= 0 else "rose"
    return (
        f"The expected loss of a year {word} from {before['mean']:,.0f} to {now['mean']:,.0f} {now['currency']} "
        f"(in nine of ten simulated years the change is {less['low']:,.0f} to {less['high']:,.0f}); "
        f"{loss['judgement']} of the {len(loss['assumptions'])} assumptions behind it are judgement."
    )


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 2) if values else None


def _said(amount: str) -> str:
    """An amount in a sentence, with its thousands apart."""
    return f"{Decimal(amount):,}"


def _text(amount: float) -> str:
    return amount_text(cents(amount))


def _maybe(amount: float | None) -> str | None:
    return None if amount is None else _text(amount)


def window(through: date, days: int) -> tuple[date, date]:
    """The days up to the last whole one of the bill."""
    return through - timedelta(days=days - 1), through
