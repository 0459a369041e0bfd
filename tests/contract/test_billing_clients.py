"""Clients of the providers' billing APIs, against moto and against recorded answers behind a server on 127.0.0.1.

One suite asks every client the same: a month comes whole or leaves nothing, a throttled call is waited out, a refused
credential is said to be one, and what is fetched imports to the same sums. The recorded answers have the shape of the
providers' documentation; their figures are made up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from assessment.billing import import_billing
from connectors.aws.billing import CostExplorerBilling, open_client
from connectors.aws.billing_export import DataExport
from connectors.aws.billing_export import open_client as open_s3
from connectors.azure.billing import AzureBilling
from connectors.billing.client import BillingClient, following_month
from connectors.credential import ClientCredentials, ServiceAccount, entra_url
from connectors.gcp.billing import GoogleBilling
from connectors.rest import Patience, Rest
from cost.billing.query import BillingQuery, Measure, ask
from cost.billing.store import BillingStore, Terms
from domain.errors import (
    AccessDenied,
    ConflictError,
    IncompleteError,
    InputError,
    NotFound,
    PolicyCortexError,
    UnavailableError,
)
from domain.tenancy import TenantId
from tests.servers.loopback import listening
from tests.servers.moto import moto
from tests.unit.connectors.bills import october, write_csv

OCTOBER = date(2026, 10, 1)
AT = datetime(2026, 11, 20, tzinfo=UTC)
KEYS = ("testing", "testing")
SCOPE = "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333"
TABLE = "my-project.billing.gcp_billing_export_resource_v1_ABC"


@dataclass
class Said:
    """What a stand-in answers next, and what it was asked."""

    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[tuple[str, str, bytes, str]] = field(default_factory=list)
    url: str = ""

    def say(self, body: object, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers.append((status, {name.replace("_", "-"): value for name, value in headers.items()}, data))


@pytest.fixture
def server() -> Iterator[Said]:
    said = Said()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said.asked.append((self.command, self.path, body, self.headers.get("Authorization") or ""))
            status, headers, data = said.answers.pop(0) if said.answers else (500, {}, b"{}")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value.replace("{url}", said.url))
            content = data.replace(b"{url}", said.url.encode())
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST  # noqa: N815 (the name that the server calls)

        def log_message(self, *_: object) -> None:
            pass

    with listening(Handler) as url:
        said.url = url
        yield said


def patience(waited: list[float] | None = None, **bounds: Any) -> Patience:
    return Patience(sleep=(waited if waited is not None else []).append, **bounds)


def azure(server: Said, waited: list[float] | None = None, **bounds: Any) -> AzureBilling:
    return AzureBilling(
        SCOPE, lambda: "t-1", metrics=("ActualCost",), endpoint=server.url, patience=patience(waited, **bounds)
    )


def google(server: Said, waited: list[float] | None = None, **bounds: Any) -> GoogleBilling:
    return GoogleBilling(TABLE, lambda: "t-1", endpoint=server.url, patience=patience(waited, **bounds))


AZURE_ROW = {
    "BillingAccountId": "ba", "SubscriptionGuid": "sub", "BillingPeriodStartDate": "10/01/2026",
    "BillingPeriodEndDate": "10/31/2026", "ChargeType": "Usage", "CostInBillingCurrency": "2.5",
    "BillingCurrencyCode": "EUR", "Quantity": "1", "UnitPrice": "2.5", "UnitOfMeasure": "1 Hour",
    "MeterCategory": "Virtual Machines", "MeterId": "m", "ResourceId": f"{SCOPE}/vm", "PricingModel": "OnDemand",
}  # fmt: skip


def azure_file() -> bytes:
    lines = [["Date", *AZURE_ROW], *([f"10/{day:02}/2026", *AZURE_ROW.values()] for day in range(1, 32))]
    return "\n".join(map(",".join, lines)).encode()


def say_azure(server: Said, body: bytes | None = None, *, size: int | None = None) -> None:
    """A report that takes two looks, one file, and the sum of the query API in two pages."""
    data = azure_file() if body is None else body
    server.say(b"", 202, Location="{url}/operations/1", Retry_After="7")
    server.say({"status": "InProgress"}, 202, Location="{url}/operations/1", Retry_After="3")
    blob = {"blobLink": "{url}/blob/1?sig=x", "byteCount": len(data) if size is None else size}
    server.say({"status": "Completed", "manifest": {"blobCount": 1, "blobs": [blob]}})
    server.say(data)
    columns = [{"name": "Cost", "type": "Number"}, {"name": "Currency", "type": "String"}]
    link = "{url}/query?$skiptoken=2"
    server.say({"properties": {"columns": columns, "rows": [[70.0, "EUR"]], "nextLink": link}})
    server.say({"properties": {"columns": columns, "rows": [[7.5, "EUR"]], "nextLink": None}})


FIELDS = [
    {"name": "billing_account_id", "type": "STRING"},
    {"name": "service", "type": "RECORD", "fields": [{"name": "id", "type": "STRING"},
                                                     {"name": "description", "type": "STRING"}]},
    {"name": "project", "type": "RECORD", "fields": [{"name": "id", "type": "STRING"}]},
    {"name": "usage_start_time", "type": "TIMESTAMP"},
    {"name": "usage_end_time", "type": "TIMESTAMP"},
    {"name": "cost", "type": "FLOAT"},
    {"name": "currency", "type": "STRING"},
    {"name": "cost_type", "type": "STRING"},
    {"name": "invoice", "type": "RECORD", "fields": [{"name": "month", "type": "STRING"}]},
    {"name": "credits", "type": "RECORD", "mode": "REPEATED",
     "fields": [{"name": "amount", "type": "FLOAT"}, {"name": "type", "type": "STRING"}]},
]  # fmt: skip


def record(*values: object) -> dict[str, object]:
    return {"f": [{"v": value} for value in values]}


def google_row(day: int) -> dict[str, object]:
    start = int(datetime(2026, 10, day, 12, tzinfo=UTC).timestamp() * 1e6)
    credit = {"v": record("-0.5", "SUSTAINED_USAGE_DISCOUNT")}
    return record("01-ABC", record("s", "Compute Engine"), record("shop"), str(start), str(start + 3_600_000_000),
                  "2.50", "USD", "regular", record("202610"), [credit])  # fmt: skip


def say_google(server: Said, *, total: int = 31) -> None:
    """A query that is not done at first, with two pages of rows."""
    job = {"projectId": "my-project", "jobId": "job-1", "location": "EU"}
    server.say({"jobComplete": False, "jobReference": job})
    rows = [google_row(day) for day in range(1, 32)]
    page = {"jobComplete": True, "jobReference": job, "schema": {"fields": FIELDS}, "totalRows": str(total)}
    server.say({**page, "rows": rows[:20], "pageToken": "next"})
    server.say({**page, "rows": rows[20:]})


def stored(folder: Path, files: tuple[Path, ...]) -> BillingStore:
    store = BillingStore(folder / "store", TenantId("acme"))
    import_billing(store, list(files), at=AT, terms=Terms(may_be_partial=True))
    return store


def billed(store: BillingStore) -> dict[str, Decimal]:
    return {row.currency: row.amount for row in ask(store, BillingQuery((), Measure.BILLED))}


Say = Callable[[Said], None]
Make = Callable[..., BillingClient]
CLIENTS = pytest.mark.parametrize(("make", "say"), [(azure, say_azure), (google, say_google)], ids=["azure", "google"])


@CLIENTS
def test_a_month_is_fetched_and_imports_to_the_same_sum(server: Said, tmp_path: Path, make: Make, say: Say) -> None:
    say(server)
    found = make(server).fetch(OCTOBER, tmp_path / "october")
    sums = billed(stored(tmp_path, found.files))
    assert sums == ({"EUR": Decimal("77.5")} if make is azure else {"USD": Decimal(62)})
    assert server.answers == []
    assert not list(tmp_path.glob("*.part"))


@CLIENTS
def test_a_throttled_call_is_waited_out_as_the_provider_says(
    server: Said, tmp_path: Path, make: Make, say: Say
) -> None:
    server.say({"error": "slow down"}, 429, Retry_After="11")
    server.say({"error": "busy"}, 503)
    server.say(
        {"error": "quota"}, 429, x_ms_ratelimit_microsoft_costmanagement_entity_retry_after="40", Retry_After="2"
    )
    say(server)
    waited: list[float] = []
    make(server, waited).fetch(OCTOBER, tmp_path / "october")
    assert waited[:3] == [11.0, 2.0, 40.0]


@CLIENTS
def test_patience_has_an_end_and_nothing_is_left(server: Said, tmp_path: Path, make: Make, say: Say) -> None:
    del say
    for _ in range(3):
        server.say({}, 429, Retry_After="500")
    with pytest.raises(UnavailableError, match="not available"):
        make(server, None, wait_s_max=1_200.0).fetch(OCTOBER, tmp_path / "october")
    assert list(tmp_path.iterdir()) == []


@CLIENTS
@pytest.mark.parametrize(
    ("status", "error"),
    [(401, AccessDenied), (403, AccessDenied), (404, NotFound), (400, InputError), (302, UnavailableError)],
)
def test_what_the_provider_refuses_is_said_by_who_must_act(
    server: Said, tmp_path: Path, make: Make, say: Say, status: int, error: type[PolicyCortexError]
) -> None:
    del say
    server.say({"error": {"message": "no"}}, status)
    with pytest.raises(error) as raised:
        make(server).fetch(OCTOBER, tmp_path / "october")
    assert "t-1" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


@CLIENTS
def test_trouble_at_any_step_leaves_nothing_behind(server: Said, tmp_path: Path, make: Make, say: Say) -> None:
    say(server)
    steps = len(server.answers)
    for after in range(steps):
        server.answers.clear()
        say(server)
        server.answers[after:] = [(500, {}, b"{}")] * 3
        with pytest.raises(UnavailableError):
            make(server, attempts_max=2).fetch(OCTOBER, tmp_path / "october")
        assert list(tmp_path.iterdir()) == []


@CLIENTS
def test_the_token_is_sent_to_the_provider_alone(server: Said, tmp_path: Path, make: Make, say: Say) -> None:
    say(server)
    make(server).fetch(OCTOBER, tmp_path / "october")
    sent = {path.partition("?")[0].rpartition("/")[2]: token for _, path, _, token in server.asked}
    assert all(token == "Bearer t-1" for name, token in sent.items() if name != "1")
    assert all(token == "" for _, path, _, token in server.asked if path.startswith("/blob/"))


@CLIENTS
def test_a_month_is_named_by_its_first_day_and_its_folder_is_new(
    server: Said, tmp_path: Path, make: Make, say: Say
) -> None:
    del say
    with pytest.raises(InputError, match="first day"):
        make(server).fetch(date(2026, 10, 2), tmp_path / "october")
    (tmp_path / "there").mkdir()
    with pytest.raises(ConflictError):
        make(server).fetch(OCTOBER, tmp_path / "there")
    assert following_month(date(2026, 12, 1)) == date(2027, 1, 1)


def test_azure_s_notes_tell_what_its_query_api_sums(server: Said, tmp_path: Path) -> None:
    say_azure(server)
    found = azure(server).fetch(OCTOBER, tmp_path / "october")
    assert found.notes == ("the query API sums 77.5 EUR of actual cost for the month",)


def test_azure_s_files_must_be_as_many_and_as_large_as_its_manifest_says(server: Said, tmp_path: Path) -> None:
    say_azure(server, size=5)
    with pytest.raises(IncompleteError, match="not whole"):
        azure(server).fetch(OCTOBER, tmp_path / "october")
    server.answers = []
    server.say({"status": "Completed", "manifest": {"blobCount": 2, "blobs": [{}]}})
    with pytest.raises(IncompleteError, match="fewer files"):
        azure(server).fetch(OCTOBER, tmp_path / "october")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": "Failed"}, UnavailableError),
        ({"status": "Completed"}, IncompleteError),
        ([], IncompleteError),
    ],
)
def test_azure_s_report_that_does_not_end_well_is_refused(
    server: Said, tmp_path: Path, answer: object, error: type[PolicyCortexError]
) -> None:
    server.say(answer)
    with pytest.raises(error):
        azure(server).fetch(OCTOBER, tmp_path / "october")


def test_azure_without_charges_is_a_month_without_files(server: Said, tmp_path: Path) -> None:
    server.say({"status": "NoDataFound"})
    assert azure(server).fetch(OCTOBER, tmp_path / "october").files == ()
    for scope in ("nowhere", "/a/../b"):
        with pytest.raises(InputError, match="scope"):
            AzureBilling(scope, lambda: "t").fetch(OCTOBER, tmp_path / "x")


def test_a_page_that_leads_elsewhere_or_repeats_is_refused(server: Said) -> None:
    columns = [{"name": "Cost"}, {"name": "Currency"}]
    server.say({"properties": {"columns": columns, "rows": [], "nextLink": "http://127.0.0.1:9/other"}})
    with pytest.raises(IncompleteError, match="another server"):
        azure(server).totals(OCTOBER)
    for _ in range(2):
        server.say({"properties": {"columns": columns, "rows": [], "nextLink": "{url}/again"}})
    with pytest.raises(IncompleteError, match="end"):
        azure(server).totals(OCTOBER)
    server.say({"properties": {"columns": [{"name": "x"}], "rows": []}})
    with pytest.raises(IncompleteError, match="lacks cost"):
        azure(server).totals(OCTOBER)


def test_google_must_give_as_many_rows_as_it_says(server: Said, tmp_path: Path) -> None:
    say_google(server, total=32)
    with pytest.raises(IncompleteError, match="fewer rows"):
        google(server).fetch(OCTOBER, tmp_path / "october")
    assert list(tmp_path.iterdir()) == []


def test_google_binds_the_month_and_checks_the_table(server: Said, tmp_path: Path) -> None:
    say_google(server)
    google(server).fetch(OCTOBER, tmp_path / "october")
    asked = json.loads(server.asked[0][2])
    assert asked["query"].endswith("WHERE invoice.month = @month")
    assert asked["queryParameters"][0]["parameterValue"] == {"value": "202610"}
    with pytest.raises(InputError, match="not a table"):
        GoogleBilling("x` OR 1=1", lambda: "t").fetch(OCTOBER, tmp_path / "x")


def test_google_s_failed_query_is_said_to_have_failed(server: Said, tmp_path: Path) -> None:
    server.say({"jobComplete": True, "errors": [{"reason": "quotaExceeded"}]})
    with pytest.raises(UnavailableError, match="failed"):
        google(server).fetch(OCTOBER, tmp_path / "october")
    server.say({"jobComplete": False})
    with pytest.raises(UnavailableError, match="end"):
        google(server).fetch(OCTOBER, tmp_path / "october")


def test_google_without_rows_is_a_month_without_files(server: Said, tmp_path: Path) -> None:
    server.say({"jobComplete": True, "schema": {"fields": FIELDS}, "totalRows": "0"})
    found = google(server).fetch(OCTOBER, tmp_path / "october")
    assert (found.files, found.rows) == ((), 0)


def test_tokens_are_fetched_once_and_secrets_only_when_needed(server: Said) -> None:
    read: list[str] = []

    def secret() -> str:
        read.append("read")
        return "s3cret"

    own = ClientCredentials(entra_url("dir", base=server.url), "app", secret, "scope/.default")
    server.say({"access_token": "abc", "expires_in": 3600})
    assert [own(), own()] == ["abc", "abc"]
    assert read == ["read"]
    assert b"client_secret=s3cret" in server.asked[0][2]
    assert "s3cret" not in repr(own)
    assert "abc" not in repr(own)


def test_a_refused_secret_is_an_access_denied_and_a_broken_endpoint_is_not(server: Said) -> None:
    own = ClientCredentials(f"{server.url}/t", "app", lambda: "s3cret", "scope")
    server.say({"error": "invalid_client"}, 401)
    with pytest.raises(AccessDenied) as raised:
        own()
    assert "s3cret" not in str(raised.value)
    server.say(b"<html>", 500)
    with pytest.raises(UnavailableError):
        own()


def test_a_service_account_signs_for_its_token(server: Said) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    document = {"client_email": "a@b", "private_key": pem, "token_uri": f"{server.url}/token"}
    server.say({"access_token": "abc", "expires_in": 3600})
    assert ServiceAccount(lambda: json.dumps(document), "scope")() == "abc"
    assert b"jwt-bearer" in server.asked[0][2]
    for text in ("{}", "no json", json.dumps({**document, "private_key": "x"})):
        with pytest.raises(InputError, match="key file"):
            ServiceAccount(lambda text=text: text, "scope")()  # type: ignore[misc]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


def seed(url: str, *results: dict[str, Any]) -> None:
    """What moto's Cost Explorer answers next: it knows no costs of its own."""
    body = json.dumps({"results": list(results)}).encode()
    request = Request(f"{url}/moto-api/static/ce/cost-and-usage-results", data=body)
    with urlopen(request) as answer:
        assert answer.status == 201


def usage(*groups: tuple[str, str, str], day: int = 1, estimated: bool = False) -> dict[str, Any]:
    return {
        "TimePeriod": {"Start": f"2026-10-{day:02}", "End": f"2026-10-{day + 1:02}"},
        "Estimated": estimated,
        "Groups": [
            {"Keys": [service, kind], "Metrics": {name: {"Amount": amount, "Unit": "USD"}
                                                  for name in ("UnblendedCost", "NetAmortizedCost")}}
            for service, kind, amount in groups
        ],
    }  # fmt: skip


def test_cost_explorer_s_month_imports_to_the_same_sum_without_counting_fees_twice(aws: str, tmp_path: Path) -> None:
    days = [
        usage(("Amazon EC2", "Usage", "3.25"), ("Amazon EC2", "Tax", "0.5"), ("Amazon EC2", "Credit", "-1"), day=day)
        for day in range(1, 31)
    ]
    fee = usage(("Savings Plans", "SavingsPlanRecurringFee", "100"), day=5, estimated=True)
    seed(aws, {"ResultsByTime": [*days, fee]})
    client = open_client(endpoint_url=aws, credentials=KEYS)
    found = CostExplorerBilling(client, "123456789012").fetch(OCTOBER, tmp_path / "october")
    store = stored(tmp_path, found.files)
    assert billed(store) == {"USD": Decimal("182.5")}
    (effective,) = ask(store, BillingQuery((), Measure.EFFECTIVE))
    assert effective.amount == Decimal("82.5")
    assert any("not closed" in note for note in found.notes)


class Paged:
    """A Cost Explorer that pages, which moto's does not."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.pages = list(pages)
        self.asked: list[dict[str, Any]] = []

    def get_cost_and_usage(self, **asked: Any) -> dict[str, Any]:
        self.asked.append(asked)
        return self.pages.pop(0)


def test_cost_explorer_s_pages_are_read_to_their_end_for_each_account(tmp_path: Path) -> None:
    one = {"ResultsByTime": [usage(("S3", "Usage", "1"))]}
    client = Paged({**one, "NextPageToken": "a"}, one, one)
    found = CostExplorerBilling(client, "1", ("11", "12")).fetch(OCTOBER, tmp_path / "october")
    assert found.rows == 3
    assert [asked.get("NextPageToken") for asked in client.asked] == [None, "a", None]
    assert client.asked[2]["Filter"]["Dimensions"]["Values"] == ["12"]


@pytest.mark.parametrize(
    "page",
    [
        {"ResultsByTime": [], "NextPageToken": "a"},
        {"ResultsByTime": [{**usage(), "Groups": [{"Keys": ["S3"], "Metrics": {}}]}]},
    ],
)
def test_cost_explorer_s_answers_that_make_no_sense_leave_nothing(tmp_path: Path, page: dict[str, Any]) -> None:
    with pytest.raises(IncompleteError):
        CostExplorerBilling(Paged(page, page, page), "1").fetch(OCTOBER, tmp_path / "october")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="account"):
        CostExplorerBilling(Paged(), "me").fetch(OCTOBER, tmp_path / "october")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("LimitExceededException", 400, UnavailableError),
        ("AccessDeniedException", 400, AccessDenied),
        ("ValidationException", 400, InputError),
    ],
)
def test_what_cost_explorer_refuses_is_said_by_who_must_act(
    server: Said,
    tmp_path: Path,
    code: str,
    status: int,
    error: type[PolicyCortexError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)
    for _ in range(8):
        server.say({"__type": code, "message": "no"}, status)
    client = open_client(endpoint_url=server.url, credentials=KEYS)
    with pytest.raises(error):
        CostExplorerBilling(client, "1").fetch(OCTOBER, tmp_path / "october")
    assert len(server.asked) == (8 if error is UnavailableError else 1)
    assert list(tmp_path.iterdir()) == []


def test_a_data_export_is_the_files_of_its_manifest(aws: str, tmp_path: Path) -> None:
    client = open_s3(endpoint_url=aws, credentials=KEYS)
    client.create_bucket(Bucket="bills")
    for number in (1, 2):
        rows = write_csv(tmp_path / f"part-{number}.csv", october(BilledCost=str(number)))
        client.upload_file(str(rows), "bills", f"exports/focus/data/BILLING_PERIOD=2026-10/part-{number}.csv")
    client.put_object(Bucket="bills", Key="exports/focus/data/BILLING_PERIOD=2026-10/former.csv", Body=b"old")
    names = [f"s3://bills/exports/focus/data/BILLING_PERIOD=2026-10/part-{number}.csv" for number in (1, 2)]
    key = "exports/focus/metadata/BILLING_PERIOD=2026-10/focus-Manifest.json"
    client.put_object(Bucket="bills", Key=key, Body=json.dumps({"dataFiles": names}).encode())
    export = DataExport(client, "bills", "exports", "focus")

    found = export.fetch(OCTOBER, tmp_path / "october")
    assert billed(stored(tmp_path, found.files)) == {"USD": Decimal(93)}

    client.delete_object(Bucket="bills", Key="exports/focus/data/BILLING_PERIOD=2026-10/part-2.csv")
    with pytest.raises(NotFound):
        export.fetch(OCTOBER, tmp_path / "again")
    assert not list(tmp_path.glob("again*"))
    with pytest.raises(NotFound):
        export.fetch(date(2026, 9, 1), tmp_path / "again")
    for body, error in ((b"[]", IncompleteError), (b'{"dataFiles": [1]}', IncompleteError),
                        (b'{"dataFiles": ["s3://theirs/x"]}', InputError)):  # fmt: skip
        client.put_object(Bucket="bills", Key=key, Body=body)
        with pytest.raises(error):
            export.fetch(OCTOBER, tmp_path / "again")
    client.close()


def test_an_address_must_be_the_server_s_own(server: Said) -> None:
    assert Rest(server.url).address("/a") == f"{server.url}/a"
    with pytest.raises(IncompleteError, match="another server"):
        Rest(server.url).address("http://127.0.0.1:9/a")
