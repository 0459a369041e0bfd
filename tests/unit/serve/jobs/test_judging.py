"""Reading parts and judging buckets: nothing is lost or doubled by how the input was cut."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import orjson

from actors.messages import BUILTIN
from actors.policy_catalogue import chosen_policies
from connectors.estate import write_estate
from domain.inventory import RecordClass
from domain.resource import ConfigurationItem
from domain.tenancy import tenant_id
from policy.aliases import AliasTable
from serve.jobs.judging import BucketResult, joined, judge, read_part
from serve.jobs.partition import Part, parts

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
DEMO = tenant_id("demo")


def results(cut: list[Part], buckets: int) -> list[BucketResult]:
    policies = chosen_policies((BUILTIN,), (), AliasTable.builtin()).policies
    read = [read_part(part, tenant=DEMO, buckets=buckets) for part in cut]
    return [
        judge([each.buckets[number] for each in read], tenant=DEMO, as_of=AS_OF, policies=policies)
        for number in range(buckets)
    ]


def verdicts(found: list[BucketResult]) -> set[tuple[str, str]]:
    rows = [(row["resource_id"], row["policy_id"]) for result in found for row in result.violations]
    assert len(rows) == len(set(rows))
    return set(rows)


def test_the_size_of_parts_and_the_number_of_buckets_change_nothing(tmp_path: Path) -> None:
    write_estate(tmp_path / "estate", resources=150, tenants=1, days=20, seed=5, as_of=AS_OF)
    exports = [str(path) for path in sorted((tmp_path / "estate" / "demo").glob("*.ndjson"))]
    whole = results([part for path in exports for part in parts(path, bytes_max=1 << 30)], 1)
    cut = results([part for path in exports for part in parts(path, bytes_max=20_000)], 3)
    assert sum(result.resources for result in cut) == sum(result.resources for result in whole)
    assert verdicts(cut) == verdicts(whole) != set()


def test_what_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"\x00\x01\x02 not an export \xff\n")
    (part,) = parts(str(tmp_path / "a.ndjson"), bytes_max=1 << 20)
    found = read_part(part, tenant=DEMO, buckets=2)
    assert found.buckets == ((), ())
    assert [(report.path, report.classes) for report in found.reports] == [(part.uri, ((RecordClass.GAP, 1),))]


def test_a_part_in_which_no_line_begins_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"x" * 30)
    _, part, *_ = parts(str(tmp_path / "a.ndjson"), bytes_max=10)
    assert read_part(part, tenant=DEMO, buckets=1).reports == ()


def test_an_aspect_that_one_part_lacks_is_taken_from_another(tmp_path: Path) -> None:
    arn = "arn:aws:s3:::logs"
    listed = {"service": "s3", "operation": "ListBuckets", "data": {"Buckets": [{"Name": "logs"}]}}
    versioning = {
        "service": "s3",
        "operation": "GetBucketVersioning",
        "parameters": {"Bucket": "logs"},
        "data": {"Status": "Enabled"},
    }
    items: list[ConfigurationItem] = []
    for number, line in enumerate((listed, versioning)):
        path = tmp_path / f"{number}.ndjson"
        path.write_bytes(orjson.dumps(line) + b"\n")
        (part,) = parts(str(path), bytes_max=1 << 20)
        items.extend(read_part(part, tenant=DEMO, buckets=1).buckets[0])
    (bucket,) = [item for item in joined(items) if item.uid == arn]
    assert bucket.properties["BucketVersioning"] == {"Status": "Enabled"}
    assert "BucketVersioning" not in bucket.unread
