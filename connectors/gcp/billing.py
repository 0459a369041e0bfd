"""Google Cloud Billing: a month of the BigQuery export, read over BigQuery's REST interface.

One query for the invoice month, or for the FOCUS table's billing period; the job is waited for, its pages are read, and
the number of rows must be what BigQuery says. Rows are written as newline-delimited JSON in the export's own shape,
every number as text, so that none loses a digit on its way.

**Source**: BigQuery REST API v2: jobs.query, jobs.getQueryResults; Cloud Billing, structure of the data export.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from connectors.billing.client import Fetched, following_month, whole
from connectors.rest import Json, Patience, Rest, Token
from domain.errors import IncompleteError, InputError, UnavailableError

ENDPOINT: Final = "https://bigquery.googleapis.com"
SCOPE: Final = "https://www.googleapis.com/auth/bigquery.readonly"
PAGE_ROWS: Final = 10_000
WAIT_MS: Final = 20_000
POLLS_MAX: Final = 360
POLL_S: Final = 2.0
_TABLE: Final = re.compile(r"[a-z][a-z0-9-]{4,62}\.[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_*-]{1,1024}")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class GoogleBilling:
    """Bills of one export table.

    Args:
        table: ``project.dataset.gcp_billing_export_v1_…``, the detailed one, or the FOCUS table.
        project: that pays for the query; the table's own without one.
        location: of the dataset, such as ``EU``.
    """

    table: str
    token: Token = field(repr=False)
    project: str | None = None
    location: str | None = None
    endpoint: str = ENDPOINT
    patience: Patience = field(default_factory=Patience, repr=False)

    def fetch(self, month: date, into: Path) -> Fetched:
        """Fetch one month; see `connectors.billing.client.BillingClient`."""
        if _TABLE.fullmatch(self.table) is None:
            todo = "Name the export's table"
            raise InputError(
                "not a table of BigQuery", got=self.table[:200], expected="project.dataset.table", todo=todo
            )
        server = Rest(self.endpoint, self.token, self.patience)
        name = f"{self.table.rpartition('.')[2].strip('*')}-{month:%Y%m}.json"
        with whole(month, into) as folder:
            rows = 0
            with (folder / name).open("w", encoding="utf-8") as stream:
                for row in self._rows(server, month):
                    stream.write(json.dumps(row, separators=(",", ":")) + "\n")
                    rows += 1
            if not rows:
                (folder / name).unlink()
        return Fetched((into / name,) if rows else (), rows)

    def _rows(self, server: Rest, month: date) -> Iterator[Json]:
        first = self._done(server, server.post(f"{self._jobs}", self._query(month)))
        expected = int(first.get("totalRows", 0))
        fields = first.get("schema", {}).get("fields", [])
        job = first.get("jobReference", {})
        count = 0
        for page in self._pages(server, first, job):
            for row in page.get("rows", []):
                count += 1
                yield {each["name"]: _value(cell.get("v"), each) for each, cell in zip(fields, row["f"], strict=True)}
        if count != expected:
            raise IncompleteError("the query gave fewer rows than it says", expected=expected, got=count)

    def _pages(self, server: Rest, first: Json, job: Json) -> Iterator[Json]:
        yield first
        if not first.get("pageToken"):
            return

        def following(page: Json) -> tuple[str, None] | None:
            token = page.get("pageToken")
            return (self._results(job, token), None) if token else None

        yield from server.pages(self._results(job, first["pageToken"]), None, following=following)

    def _done(self, server: Rest, answer: Json) -> Json:
        polls = 0
        while answer.get("jobComplete") is not True:
            if polls >= POLLS_MAX or not answer.get("jobReference"):
                raise UnavailableError("the query did not come to its end", polls=polls, retry_after_s=60)
            self.patience.sleep(POLL_S)
            polls += 1
            answer = server.get(self._results(answer["jobReference"], None))
        if answer.get("errors"):
            raise UnavailableError("the query failed", reason=str(answer["errors"])[:300])
        return answer

    def _query(self, month: date) -> Json:
        is_focus = "focus" in self.table.rpartition(".")[2].lower()
        condition = (
            "BillingPeriodStart >= TIMESTAMP(@start) AND BillingPeriodStart < TIMESTAMP(@end)"
            if is_focus
            else "invoice.month = @month"
        )
        given = {"start": month.isoformat(), "end": following_month(month).isoformat(), "month": f"{month:%Y%m}"}
        return {
            "query": f"SELECT * FROM `{self.table}` WHERE {condition}",  # noqa: S608 (the name is checked)
            "useLegacySql": False,
            "parameterMode": "NAMED",
            "queryParameters": [
                {"name": name, "parameterType": {"type": "STRING"}, "parameterValue": {"value": value}}
                for name, value in given.items()
                if f"@{name}" in condition
            ],
            "maxResults": PAGE_ROWS,
            "timeoutMs": WAIT_MS,
            "formatOptions": {"useInt64Timestamp": True},
            **({"location": self.location} if self.location else {}),
        }

    @property
    def _jobs(self) -> str:
        project = self.project or self.table.partition(".")[0]
        return f"/bigquery/v2/projects/{quote(project, safe='')}/queries"

    def _results(self, job: Json, page: str | None) -> str:
        location = job.get("location") or self.location
        asked = {
            "maxResults": str(PAGE_ROWS),
            "timeoutMs": str(WAIT_MS),
            "formatOptions.useInt64Timestamp": "true",
            **({"pageToken": page} if page else {}),
            **({"location": location} if location else {}),
        }
        return f"{self._jobs}/{quote(str(job.get('jobId', '')), safe='')}?{urlencode(asked)}"


def _value(value: Any, field_: Json) -> Any:
    """A cell as the export's JSON has it: numbers stay text, times become ISO 8601, records and lists are unfolded."""
    if field_.get("mode") == "REPEATED":
        member = {**field_, "mode": "NULLABLE"}
        return [_value(each.get("v"), member) for each in value or []]
    if value is None:
        return None
    kind = field_.get("type")
    if kind in {"RECORD", "STRUCT"}:
        pairs = zip(field_.get("fields", []), value["f"], strict=True)
        return {each["name"]: _value(cell.get("v"), each) for each, cell in pairs}
    if kind == "TIMESTAMP":
        return f"{_EPOCH + timedelta(microseconds=int(value)):%Y-%m-%dT%H:%M:%S.%fZ}"
    return value
