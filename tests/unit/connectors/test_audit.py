from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.audit.read import read_audit
from domain.drift import AuditEntry

VM = "/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/web"


def read(tmp_path: Path, body: Any, name: str = "log.json") -> tuple[AuditEntry, ...]:
    content = json.dumps(body).encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return read_audit([str(tmp_path / name)]).entries


def trail(name: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "eventVersion": "1.08",
        "eventTime": "2026-01-15T11:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": name,
        "eventID": "e1",
        "sourceIPAddress": "192.0.2.1",
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::123456789012:assumed-role/Ops/alice"},
        "requestParameters": parameters,
        **more,
    }


def test_a_cloudtrail_file_tells_who_changed_what(tmp_path: Path) -> None:
    record = trail("AuthorizeSecurityGroupIngress", {"groupId": "sg-1", "ipPermissions": {"items": [{"fromPort": 22}]}})
    (found,) = read(tmp_path, {"Records": [record]}, "log.json.gz")
    assert found.principal == "arn:aws:sts::123456789012:assumed-role/Ops/alice"
    assert (found.operation, found.event_id, found.source_address) == (
        "ec2:AuthorizeSecurityGroupIngress",
        "e1",
        "192.0.2.1",
    )
    assert "sg-1" in found.resources


def test_ids_are_found_wherever_a_request_names_them(tmp_path: Path) -> None:
    record = trail(
        "CreateTags",
        {"resourcesSet": {"items": [{"resourceId": "i-1"}, {"resourceId": "i-2"}]}, "arns": ["arn:aws:s3:::b"]},
        resources=[{"ARN": "arn:aws:kms:r:1:key/k"}],
    )
    (found,) = read(tmp_path, record)
    assert {"i-1", "i-2", "arn:aws:s3:::b", "arn:aws:kms:r:1:key/k"} <= set(found.resources)


@pytest.mark.parametrize("more", [{"readOnly": True}, {"eventName": "DescribeInstances"}, {"eventTime": "never"}])
def test_reads_and_records_without_a_time_are_left_out(tmp_path: Path, more: dict[str, Any]) -> None:
    assert read(tmp_path, {"Records": [trail("StopInstances", {}) | more]}) == ()


def test_a_call_that_failed_is_kept_as_one(tmp_path: Path) -> None:
    (found,) = read(tmp_path, trail("StopInstances", {"instanceId": "i-1"}, errorCode="AccessDenied"))
    assert not found.is_success


def test_a_lookups_answer_is_read_as_well(tmp_path: Path) -> None:
    body = {"Events": [{"EventId": "e1", "CloudTrailEvent": json.dumps(trail("StopInstances", {"instanceId": "i-1"}))}]}
    assert read(tmp_path, body)[0].operation == "ec2:StopInstances"


def test_the_activity_log_in_both_of_its_shapes(tmp_path: Path) -> None:
    api = {
        "caller": "alice@example.com", "eventTimestamp": "2026-01-15T11:00:00Z", "eventDataId": "d1",
        "operationName": {"value": "Microsoft.Compute/virtualMachines/write"}, "resourceId": VM,
        "status": {"value": "Succeeded"},
    }  # fmt: skip
    exported = {
        "time": "2026-01-15T11:05:00Z", "operationName": "Microsoft.Compute/virtualMachines/extensions/write",
        "resourceId": f"{VM}/extensions/x", "resultType": "Success", "callerIpAddress": "192.0.2.1",
        "identity": {"claims": {"appid": "app-1"}},
    }  # fmt: skip
    first, second = read(tmp_path, {"value": [api]}) + read(tmp_path, {"records": [exported]}, "other.json")
    assert (first.principal, first.resources, first.event_id) == ("alice@example.com", (VM,), "d1")
    assert (second.principal, second.resources) == ("app-1", (f"{VM}/extensions/x", VM))


def test_what_only_began_is_left_out(tmp_path: Path) -> None:
    begun = {"caller": "a", "eventTimestamp": "2026-01-15T11:00:00Z", "resourceId": VM,
             "operationName": "Microsoft.Compute/virtualMachines/write", "status": "Started"}  # fmt: skip
    assert read(tmp_path, [begun]) == ()


def test_googles_audit_log(tmp_path: Path) -> None:
    entry = {
        "timestamp": "2026-01-15T11:00:00Z",
        "insertId": "i1",
        "protoPayload": {
            "methodName": "v1.compute.firewalls.patch",
            "serviceName": "compute.googleapis.com",
            "resourceName": "projects/p/global/firewalls/ssh",
            "authenticationInfo": {"principalEmail": "alice@example.com"},
            "requestMetadata": {"callerIp": "192.0.2.1"},
        },
    }
    (found,) = read(tmp_path, [entry])
    assert "//compute.googleapis.com/projects/p/global/firewalls/ssh" in found.resources
    assert (found.principal, found.operation) == ("alice@example.com", "v1.compute.firewalls.patch")
    listed = {**entry, "protoPayload": {**entry["protoPayload"], "methodName": "v1.compute.firewalls.list"}}  # type: ignore[dict-item]
    assert read(tmp_path, {"entries": [listed]}) == ()


def test_what_is_no_audit_entry_is_a_gap_and_entries_are_in_order_of_time(tmp_path: Path) -> None:
    late = trail("StopInstances", {"instanceId": "i-1"}, eventTime="2026-01-15T12:00:00Z")
    early = trail("StartInstances", {"instanceId": "i-1"})
    (tmp_path / "log.ndjson").write_text("\n".join(map(json.dumps, [late, {"a": 1}, early])))
    found = read_audit([str(tmp_path / "log.ndjson"), str(tmp_path / "absent")])
    assert [each.operation for each in found.entries] == ["ec2:StartInstances", "ec2:StopInstances"]
    assert len(found.gaps) == 2
