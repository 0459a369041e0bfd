"""AWS Cost Explorer: a month by day, service and kind of charge, as FOCUS rows in a CSV file.

Cost Explorer sums; it knows no resources. Its rows show what was billed where no export was set up, and stand in for
nothing else: the export of Data Exports (`connectors.aws.billing_export`) is the bill. Each call costs a cent, so
a month is one call and its pages, or one for each account where accounts are named.

**Source**: AWS Cost Explorer API reference, GetCostAndUsage; FOCUS 1.2.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connectors.billing.client import Fetched, following_month, whole
from domain.errors import AccessDenied, IncompleteError, InputError, PolicyCortexError, UnavailableError

PAGES_MAX: Final = 1_000
METRICS: Final = ("UnblendedCost", "NetAmortizedCost")
_DENIED: Final = frozenset({"AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException",
                            "InvalidClientTokenId", "SignatureDoesNotMatch"})  # fmt: skip
_ASKED_WRONG: Final = frozenset({"ValidationException", "DataUnavailableException", "BillExpirationException",
                                 "InvalidNextTokenException", "RequestChangedException"})  # fmt: skip
_CATEGORY: Final = {
    "Usage": "Usage", "DiscountedUsage": "Usage", "SavingsPlanCoveredUsage": "Usage", "SavingsPlanNegation": "Usage",
    "Tax": "Tax", "Credit": "Credit", "Refund": "Adjustment", "RIFee": "Purchase", "Recurring": "Purchase",
    "Upfront": "Purchase", "SavingsPlanRecurringFee": "Purchase", "SavingsPlanUpfrontFee": "Purchase",
    "Fee": "Purchase",
}  # fmt: skip
_ONCE: Final = frozenset({"Tax", "Credit", "Adjustment", "Purchase"})


class CostExplorer(Protocol):
    """What is used of boto3's client."""

    def get_cost_and_usage(self, **asked: Any) -> Mapping[str, Any]: ...


def open_client(
    *, region: str = "us-east-1", endpoint_url: str | None = None, credentials: tuple[str, str] | None = None
) -> CostExplorer:
    """A client that waits out throttling, within bounds.

    Args:
        credentials: access key id and secret; None uses the machine's own, as AWS clients find them.
    """
    key_id, secret = credentials or (None, None)
    config = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 8})
    session = boto3.session.Session(aws_access_key_id=key_id, aws_secret_access_key=secret, region_name=region)
    client: CostExplorer = session.client("ce", endpoint_url=endpoint_url, config=config)
    return client


@dataclass(frozen=True, slots=True)
class CostExplorerBilling:
    """Bills of one payer.

    Args:
        payer: account that the bill is of.
        accounts: accounts to tell apart; all together without any.
    """

    client: CostExplorer = field(repr=False)
    payer: str
    accounts: tuple[str, ...] = ()

    def fetch(self, month: date, into: Path) -> Fetched:
        """Fetch one month; see `connectors.billing.client.BillingClient`."""
        if not self.payer.isdecimal() or not all(account.isdecimal() for account in self.accounts):
            raise InputError(
                "not an account of AWS", got=self.payer, expected="digits", todo="Name the payer's account"
            )
        name = f"cost-explorer-{self.payer}-{month:%Y%m}.csv"
        notes = ["Cost Explorer sums by day and service: rows have no resource and no quantity"]
        with whole(month, into) as folder:
            rows = [row for account in self.accounts or ("",) for row in self._rows(month, account)]
            if any(row.pop("estimated") for row in rows):
                notes.append("the month is not closed: figures are estimates and will be restated")
            if rows:
                _write(folder / name, rows)
        return Fetched((into / name,) if rows else (), len(rows), tuple(notes))

    def _rows(self, month: date, account: str) -> Iterator[dict[str, Any]]:
        for result in self._results(month, account):
            for group in result.get("Groups", []):
                yield _row(group, result, month, payer=self.payer, account=account)

    def _results(self, month: date, account: str) -> Iterator[Mapping[str, Any]]:
        asked: dict[str, Any] = {
            "TimePeriod": {"Start": month.isoformat(), "End": following_month(month).isoformat()},
            "Granularity": "DAILY",
            "Metrics": list(METRICS),
            "GroupBy": [{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "RECORD_TYPE")],
        }
        if account:
            asked["Filter"] = {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": [account]}}
        seen: set[str] = set()
        while True:
            with _told():
                page = self.client.get_cost_and_usage(**asked)
            yield from page.get("ResultsByTime", [])
            token = page.get("NextPageToken")
            if not token:
                return
            if token in seen or len(seen) >= PAGES_MAX:
                raise IncompleteError("pages do not come to an end", pages=len(seen), account=account or self.payer)
            seen.add(token)
            asked["NextPageToken"] = token


def _row(
    group: Mapping[str, Any], result: Mapping[str, Any], month: date, *, payer: str, account: str
) -> dict[str, Any]:
    keys: Sequence[str] = group.get("Keys", ())
    metrics = group.get("Metrics", {})
    if len(keys) != 2 or set(METRICS) - set(metrics):
        raise IncompleteError("a row of Cost Explorer lacks what was asked for", got=f"{keys}: {sorted(metrics)}")
    billed, amortised = (metrics[name] for name in METRICS)
    if billed["Unit"] != amortised["Unit"]:
        raise IncompleteError("a row of Cost Explorer has two currencies", got=f"{billed['Unit']}, {amortised['Unit']}")
    category = _CATEGORY.get(keys[1].replace(" ", ""), "Usage")
    day = date.fromisoformat(result["TimePeriod"]["Start"])
    return {
        "BilledCost": billed["Amount"],
        "EffectiveCost": "0" if category == "Purchase" else amortised["Amount"],
        "ListCost": billed["Amount"],
        "ContractedCost": billed["Amount"],
        "BillingCurrency": billed["Unit"],
        "BillingAccountId": payer,
        "BillingPeriodStart": _instant(month),
        "BillingPeriodEnd": _instant(following_month(month)),
        "ChargePeriodStart": _instant(day),
        "ChargePeriodEnd": _instant(day + timedelta(days=1)),
        "ChargeCategory": category,
        "ChargeClass": "",
        "ChargeDescription": f"{keys[1]}, by Cost Explorer",
        "ChargeFrequency": "One-Time" if category in _ONCE else "Usage-Based",
        "ProviderName": "AWS",
        "PublisherName": "AWS",
        "InvoiceIssuerName": "AWS",
        "ServiceName": keys[0],
        "ServiceCategory": "Other",
        "SubAccountId": account,
        "estimated": result.get("Estimated") is True,
    }


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00Z"


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@contextmanager
def _told() -> Iterator[None]:
    """Errors of AWS as ours."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        raise _kind(code)("AWS refuses or cannot answer", code=code, reason=str(error)[:300]) from None
    except BotoCoreError as error:
        raise UnavailableError("AWS does not answer", reason=str(error)[:300]) from None


def _kind(code: str) -> type[PolicyCortexError]:
    if code in _DENIED:
        return AccessDenied
    return InputError if code in _ASKED_WRONG else UnavailableError
