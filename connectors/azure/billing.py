"""Azure Cost Management: a month's cost details as the provider's own CSV files, checked against its query API.

Details come from the report operation: it is asked for, waited for as long as the provider says, and its files are
downloaded. The number of files and their sizes must be what the manifest says. The query API then sums the same month;
where it has another total than the files the difference is a note, since both are restated at their own pace.

Files are downloaded without the token: their addresses are signed and belong to a storage account.

**Source**: Microsoft Learn, Cost Management REST API 2023-11-01: Generate Cost Details Report, Query Usage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from connectors.billing.client import Fetched, following_month, whole
from connectors.rest import Json, Patience, Rest, Token, object_of, pause_of
from domain.errors import IncompleteError, InputError, UnavailableError

API: Final = "2023-11-01"
ENDPOINT: Final = "https://management.azure.com"
SCOPE: Final = "https://management.azure.com/.default"
METRICS: Final = ("ActualCost", "AmortizedCost")
POLL_S: Final = 15.0
POLLS_MAX: Final = 240
FILES_MAX: Final = 10_000
_RUNNING: Final = frozenset({"InProgress", "Queued", "Running", "NotStarted"})
_EMPTY: Final = frozenset({"NoDataFound"})


@dataclass(frozen=True, slots=True)
class AzureBilling:
    """Bills of one scope: a subscription, a billing account, or one of its profiles.

    Args:
        scope: its ARM id, such as ``/subscriptions/ID``.
        metrics: `ActualCost` has fees, `AmortizedCost` the use of commitments; both are one delivery.
    """

    scope: str
    token: Token = field(repr=False)
    metrics: tuple[str, ...] = METRICS
    endpoint: str = ENDPOINT
    patience: Patience = field(default_factory=Patience, repr=False)

    def fetch(self, month: date, into: Path) -> Fetched:
        """Fetch one month; see `connectors.billing.client.BillingClient`."""
        self._require_sound()
        server = Rest(self.endpoint, self.token, self.patience)
        notes: list[str] = []
        with whole(month, into) as folder:
            names = [name for metric in self.metrics for name in self._details(server, metric, month, folder)]
            if names:
                notes += self._notes(server, month)
        return Fetched(tuple(into / name for name in names), notes=tuple(notes))

    def totals(self, month: date) -> dict[str, Decimal]:
        """The month's actual cost by currency, as the query API sums it."""
        return self._totals(Rest(self.endpoint, self.token, self.patience), month)

    def _details(self, server: Rest, metric: str, month: date, folder: Path) -> Iterator[str]:
        manifest = self._report(server, metric, month)
        blobs = manifest.get("blobs") or []
        if len(blobs) != manifest.get("blobCount", len(blobs)) or len(blobs) > FILES_MAX:
            raise IncompleteError(
                "the report has fewer files than it says", expected=manifest.get("blobCount"), got=len(blobs)
            )
        ending = ".csv.gz" if manifest.get("compressData") is True else ".csv"
        for place, blob in enumerate(blobs):
            name = f"{metric}-{month:%Y%m}-{place:04}{ending}"
            (folder / name).write_bytes(_blob(str(blob.get("blobLink", "")), blob.get("byteCount"), self.patience))
            yield name

    def _report(self, server: Rest, metric: str, month: date) -> Json:
        """The manifest of a report that is done; nothing in it where the month has no charges."""
        period = {"start": month.isoformat(), "end": (following_month(month) - timedelta(days=1)).isoformat()}
        path = f"{self._provider}/generateCostDetailsReport?api-version={API}"
        answer = server.ask(path, {"metric": metric, "timePeriod": period})
        polled, location = 0, ""
        while True:
            status = object_of(answer, host=self.endpoint).get("status") if answer.status == 200 else "Running"
            if status in _EMPTY:
                return {}
            if status == "Completed":
                return _manifest(object_of(answer, host=self.endpoint))
            if status not in _RUNNING or polled >= POLLS_MAX:
                raise UnavailableError("the report did not come to its end", metric=metric, status=status, polls=polled)
            location = answer.headers.get("location", location)
            if not location:
                raise IncompleteError("the report has no address to wait at", metric=metric)
            self.patience.sleep(pause_of(answer, otherwise_s=POLL_S))
            polled += 1
            answer = server.ask(location)

    def _totals(self, server: Rest, month: date) -> dict[str, Decimal]:
        period = {"from": f"{month}T00:00:00Z", "to": f"{following_month(month) - timedelta(days=1)}T23:59:59Z"}
        body: Json = {
            "type": "ActualCost",
            "timeframe": "Custom",
            "timePeriod": period,
            "dataset": {"granularity": "None", "aggregation": {"total": {"name": "Cost", "function": "Sum"}}},
        }

        def following(page: Json) -> tuple[str, Json] | None:
            link = page.get("properties", {}).get("nextLink")
            return (str(link), body) if link else None

        sums: dict[str, Decimal] = {}
        for page in server.pages(f"{self._provider}/query?api-version={API}", body, following=following):
            for currency, amount in _amounts(page):
                sums[currency] = sums.get(currency, Decimal(0)) + amount
        return sums

    def _notes(self, server: Rest, month: date) -> list[str]:
        return [
            f"the query API sums {amount:f} {currency} of actual cost for the month"
            for currency, amount in sorted(self._totals(server, month).items())
        ]

    @property
    def _provider(self) -> str:
        return f"/{quote(self.scope.strip('/'), safe='/')}/providers/Microsoft.CostManagement"

    def _require_sound(self) -> None:
        if not self.scope.startswith("/") or ".." in self.scope or not self.metrics or set(self.metrics) - set(METRICS):
            raise InputError(
                "not a scope of Cost Management",
                got=f"{self.scope}: {', '.join(self.metrics)}",
                expected=f"/subscriptions/ID or /providers/Microsoft.Billing/…, and {' or '.join(METRICS)}",
                todo="Correct the scope",
            )


def _blob(link: str, size: object, patience: Patience) -> bytes:
    base, _, path = link.partition("://")
    host, _, rest = path.partition("/")
    body = Rest(f"{base}://{host}", patience=patience).ask(f"/{rest}").body
    if isinstance(size, int) and size != len(body):
        raise IncompleteError("a file of the report is not whole", host=host, expected=size, got=len(body))
    return body


def _manifest(document: Json) -> Json:
    found = document.get("manifest") or document.get("properties", {}).get("manifest")
    if not isinstance(found, dict):
        raise IncompleteError("the report has no manifest", got=sorted(document))
    return found


def _amounts(page: Json) -> Iterator[tuple[str, Decimal]]:
    properties: Json = page.get("properties", {})
    names = [str(column.get("name", "")).lower() for column in properties.get("columns", [])]
    if "currency" not in names or not {"cost", "pretaxcost"} & set(names):
        raise IncompleteError("the query's answer lacks cost or currency", got=", ".join(names))
    cost = names.index("cost" if "cost" in names else "pretaxcost")
    rows: list[list[Any]] = properties.get("rows", [])
    return ((str(row[names.index("currency")]), Decimal(str(row[cost]))) for row in rows)
