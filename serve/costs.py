"""What a tenant's bills say, as documents: the same for the command line and HTTP callers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from actors.folders import Folders
from assessment.billing import ImportReport, Judged
from assessment.money import amount_text
from connectors.focus.validation import Breach, by_rule
from cost.billing.query import CostGroup
from cost.billing.slices import Content, Kind, Money4
from cost.billing.store import BillingStore, SliceChange
from domain.clock import format_instant
from domain.tenancy import TenantId

RATES_NAME: Final = "rates.csv"


def billing_store(folders: Folders, tenant: TenantId) -> BillingStore:
    """The tenant's billing rows."""
    return BillingStore(folders.billing(tenant), tenant)


def rates_file(folders: Folders, tenant: TenantId) -> Path:
    """The tenant's table of exchange rates."""
    return folders.billing(tenant) / RATES_NAME


def judged_document(judged: Judged) -> dict[str, Any]:
    """How a delivery keeps the specification's rules."""
    return {
        "rows": judged.rows,
        "rules_asked": judged.rules,
        "rules_broken": len(by_rule(judged.breaches)),
        "files": [
            {
                "name": each.source.name,
                "format": each.source.format.value,
                "version": each.source.version,
                "sha256": each.source.digest,
                "rows": each.rows,
                "left_out": each.left_out,
            }
            for each in judged.files
        ],
        "passed_over": [{"name": name, "reason": reason} for name, reason in judged.passed_over],
        "breaches": [_breach(breach) for breach in judged.breaches],
    }


def import_document(report: ImportReport) -> dict[str, Any]:
    """What an import found and did."""
    return {
        "import_id": report.import_id or None,
        "at": format_instant(report.at),
        "is_changed": report.is_changed,
        "totals": _totals(report.content),
        "notes": _notes(report.content),
        "slices": [_change(change) for change in report.changes],
        **judged_document(report.judged),
    }


def store_document(store: BillingStore) -> dict[str, Any]:
    """What is stored, slice by slice."""
    manifest = store.manifest()
    return {
        "number": manifest.number,
        "accounts": [{"provider": provider, "account": account} for provider, account in sorted(manifest.accounts)],
        "slices": [
            {
                "period": f"{key.period:%Y-%m}",
                "provider": key.provider,
                "account": key.account,
                "rows": sum(part.content.rows for part in parts),
                "days": len(set[Any]().union(*(part.content.days for part in parts))),
                "files": sum(len(part.files) for part in parts),
                "imports": [part.import_id for part in parts],
            }
            for key, parts in sorted(manifest.slices.items())
        ],
        "imports": [
            {"import_id": each.import_id, "at": format_instant(each.at), "sources": list(each.sources)}
            for each in manifest.imports
        ],
    }


def group_rows(names: Sequence[str], groups: Iterable[CostGroup]) -> list[dict[str, Any]]:
    """Sums, with their keys by name."""
    return [
        {
            "keys": dict(zip(names, group.keys, strict=True)),
            "amount": amount_text(group.amount),
            "currency": group.currency,
            "rows": group.rows,
        }
        for group in groups
    ]


def _breach(breach: Breach) -> dict[str, Any]:
    return {
        "rule": breach.rule_id,
        "level": breach.level.value,
        "text": breach.text,
        "rows": breach.rows,
        "file": breach.file,
        "row": breach.row,
        "shown": breach.shown,
    }


def _change(change: SliceChange) -> dict[str, Any]:
    before, after = change.before.by_currency(), change.after.by_currency()
    return {
        "period": f"{change.key.period:%Y-%m}",
        "provider": change.key.provider,
        "account": change.key.account,
        "outcome": change.outcome.value,
        "rows": change.after.rows,
        "rows_before": change.before.rows,
        "days": len(change.after.days),
        "costs": [
            {
                "currency": currency,
                "billed": amount_text(after.get(currency, Money4()).billed),
                "effective": amount_text(after.get(currency, Money4()).effective),
                "billed_before": amount_text(before.get(currency, Money4()).billed),
                "effective_before": amount_text(before.get(currency, Money4()).effective),
            }
            for currency in sorted({*before, *after})
        ],
    }


def _totals(content: Content) -> list[dict[str, Any]]:
    return [
        {
            "currency": currency,
            "billed": amount_text(money.billed),
            "effective": amount_text(money.effective),
            "list": amount_text(money.listed),
            "source": amount_text(money.source),
            "kinds": {
                kind.value: _kind_row(content, currency, kind) for kind in Kind if (currency, kind) in content.kinds
            },
        }
        for currency, money in content.by_currency().items()
    ]


def _kind_row(content: Content, currency: str, kind: Kind) -> Mapping[str, str]:
    money = content.kinds[currency, kind]
    return {"billed": amount_text(money.billed), "effective": amount_text(money.effective)}


def _notes(content: Content) -> list[str]:
    """What a reader of the totals must know."""
    notes = []
    for currency in content.by_currency():
        bought = content.kinds.get((currency, Kind.COMMITMENT_PURCHASE), Money4())
        used = content.kinds.get((currency, Kind.COMMITMENT_USED), Money4())
        unused = content.kinds.get((currency, Kind.COMMITMENT_UNUSED), Money4())
        if bought.billed and not used.effective and not unused.effective:
            notes.append(
                f"{amount_text(bought.billed)} {currency} of commitments were bought, and no use of them is in the "
                "delivery: effective cost lacks it. Azure's amortised export has it; import both in one delivery."
            )
        if (used.effective or unused.effective) and not bought.billed:
            notes.append(
                f"Commitments were used in {currency}, and none was bought in the delivery: billed cost lacks their "
                "fees, unless another period has them. Azure's actual export has them; import both in one delivery."
            )
    return notes
