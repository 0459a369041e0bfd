"""Lines from outside: what each provider's messages become, and why others are refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from connectors.stream.codec import encode
from connectors.stream.intake import EVENTS_PER_BATCH, Intake, Refusal, take_in
from domain.change import ChangeEvent
from domain.resource import Provider
from tests.unit.connectors.stream import messages as m
from tests.unit.connectors.stream.changes import NOON, TENANT, batch, changed, deleted


def taken(*documents: object, now: datetime = NOON) -> Intake:
    return take_in([orjson.dumps(each) for each in documents], tenant=TENANT, now=now)


def event(document: object) -> ChangeEvent:
    found = taken(document)
    assert found.refusals == ()
    return found.batches[0].events[0]


def refusal(document: object) -> Refusal:
    found = taken(document)
    assert found.batches == ()
    return found.refusals[0]


@pytest.mark.parametrize(
    "document",
    [
        m.config_notification(),
        m.in_sns(m.config_notification()),
        m.in_sqs(m.config_notification()),
        m.in_sqs(m.in_sns(m.config_notification())),
        m.in_event_bridge(m.config_notification()),
    ],
)
def test_a_notification_of_aws_config_is_the_queues_state_whatever_carries_it(document: object) -> None:
    found = event(document)

    assert found.item is not None
    assert (found.uid, found.at) == (m.QUEUE, datetime(2026, 3, 1, 11, 59, 30, 123000, UTC))
    assert (found.item.provider, found.item.type, found.item.name) == (Provider.AWS, "AWS::SQS::Queue", "orders")
    assert (found.item.scope, found.item.region) == ("/accounts/123456789012", "eu-central-1")
    assert found.item.tags == {"team": "orders"}
    assert found.item.properties["SqsManagedSseEnabled"] is False
    assert found.item.tenant == TENANT
    assert not found.item.synthetic


@pytest.mark.parametrize("document", [m.event_grid(), m.cloud_event()])
def test_a_resource_notification_of_event_grid_is_the_sites_state(document: object) -> None:
    found = event(document)

    assert found.item is not None
    assert (found.uid, found.at) == (m.SITE, datetime(2026, 3, 1, 11, 59, 30, 924507, UTC))
    assert (found.item.type, found.item.region) == ("Microsoft.Web/sites", "westeurope")
    assert found.item.properties["properties"] == {"httpsOnly": False, "state": "Running"}
    assert found.item.scope == m.SITE.partition("/providers")[0]


def test_an_entry_of_the_activity_log_with_the_answers_body_is_a_state_with_its_principal() -> None:
    found = event(m.activity())

    assert found.item is not None
    assert found.item.properties["properties"] == {"httpsOnly": True}
    assert (found.principal, found.operation) == ("ann@example.org", "Microsoft.Web/sites/write")


@pytest.mark.parametrize("document", [m.asset_feed(), m.in_pubsub(m.asset_feed())])
def test_a_message_of_an_asset_feed_is_the_instances_state(document: object) -> None:
    found = event(document)

    assert found.item is not None
    assert (found.uid, found.at) == (m.VM, datetime(2026, 3, 1, 11, 59, 30, 801629, UTC))
    assert (found.item.type, found.item.region) == ("compute.googleapis.com/Instance", "europe-west1-b")
    assert found.item.scope == "/organizations/3/folders/7/projects/163454223397"
    assert found.item.tags == {"team": "shop"}


def test_policies_beside_the_resource_in_a_feed_are_part_of_its_state() -> None:
    document = m.asset_feed()
    document["asset"]["iamPolicy"] = {"bindings": [{"role": "roles/owner", "members": ["allUsers"]}]}

    found = event(document)

    assert found.item is not None
    assert found.item.properties["status"] == "RUNNING"
    assert found.item.properties["iamPolicy"] == {"bindings": [{"role": "roles/owner", "members": ["allUsers"]}]}


@pytest.mark.parametrize(
    ("document", "uid", "principal"),
    [
        (m.config_notification("ResourceDeleted"), m.QUEUE, ""),
        (m.event_grid("Deleted"), m.SITE, ""),
        (m.plain_event(), m.SITE, "ann@example.org"),
        (m.activity("MICROSOFT.WEB/SITES/DELETE"), m.SITE, "ann@example.org"),
        (m.in_pubsub(m.asset_feed(deleted=True)), m.VM, ""),
    ],
)
def test_a_deletion_is_a_state_too(document: object, uid: str, principal: str) -> None:
    found = event(document)

    assert (found.uid, found.item, found.principal) == (uid, None, principal)


@pytest.mark.parametrize(
    "document",
    [
        {"messageType": "ConfigurationHistoryDeliveryCompleted", "recordVersion": "1.1"},
        m.in_sns({"messageType": "ComplianceChangeNotification"}),
        {**m.in_sns({}), "Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe"},
        m.config_notification("ResourceNotRecorded"),
        m.plain_event("ResourceWriteFailure"),
        {"id": "1", "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "x"}},
        m.activity("Microsoft.Web/sites/restart/action"),
        m.activity(status={"value": "Failed"}),
        m.in_pubsub("You have successfully configured real time feed [projects/1/feeds/x]."),
    ],
)
def test_a_message_that_reports_no_change_publishes_nothing_and_is_no_error(document: object) -> None:
    assert taken(document) == Intake((), (), 1)


def without(document: m.Message, *path: str) -> m.Message:
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return document


@pytest.mark.parametrize(
    ("document", "reason", "source"),
    [
        (7, "the line is no JSON object", ""),
        ({"a": 1}, "no provider's change message is recognised", ""),
        (m.config_notification(configurationItemCaptureTime=None), "does not say when", "aws-config"),
        (m.config_notification(ARN=None, resourceId=None, resourceName=None), "neither an ARN nor an id", "aws-config"),
        (without(m.config_notification(), "configurationItem"), "without its configuration item", "aws-config"),
        ({**m.in_sns({}), "Message": "{"}, "not a JSON object", "aws-config"),
        (
            {
                "messageType": "OversizedConfigurationItemChangeNotification",
                "s3DeliverySummary": {"s3BucketLocation": "config-bucket/key.json.gz"},
            },
            "config-bucket/key.json.gz",
            "aws-config",
        ),
        (m.in_event_bridge({}, "AWS API Call via CloudTrail", "aws.sqs"), "names a call, not the state", "aws-config"),
        (m.in_event_bridge({}, "EC2 Instance State-change", "aws.ec2"), "not one of AWS Config", "aws-config"),
        (m.plain_event("ResourceWriteSuccess"), "says that a resource changed, not how", "azure-event-grid"),
        (without(m.event_grid(), "data", "resourceInfo", "properties"), "without the resource's properties",
         "azure-event-grid"),
        (without(m.event_grid(), "data", "resourceInfo", "id"), "names no resource of Azure", "azure-event-grid"),
        ({"eventType": "Microsoft.Storage.BlobCreated", "data": {}}, "not one of resources", "azure-event-grid"),
        (m.activity(properties={}), "says that a resource was written, not how", "azure-event-grid"),
        (m.activity(properties={"responseBody": '{"id": "/subscriptions/1'}), "not a JSON object", "azure-event-grid"),
        (m.activity(properties={"responseBody": '{"id": "/subscriptions/1"}'}), "is not the resource",
         "azure-event-grid"),
        (m.activity(eventTimestamp="soon"), "not a date or time", "azure-event-grid"),
        ({"message": {"data": "%%%"}}, "not base64 text", "gcp-asset-feed"),
        (m.in_pubsub("[]"), "not a JSON object", "gcp-asset-feed"),
        (without(m.asset_feed(), "asset", "resource"), "neither a resource nor a policy", "gcp-asset-feed"),
    ],
)  # fmt: skip
def test_what_cannot_become_an_event_is_refused_with_the_reason(document: object, reason: str, source: str) -> None:
    found = refusal(document)

    assert reason in found.reason
    assert (found.line, found.source) == (1, source)


def test_a_policy_without_its_resource_is_a_part_and_refused() -> None:
    document = without(m.asset_feed(), "asset", "resource")
    document["asset"]["iamPolicy"] = {"bindings": []}

    assert "a part of the resource only" in refusal(document).reason


def test_one_broken_line_stops_nothing_and_is_known_by_its_number() -> None:
    lines = [orjson.dumps(m.config_notification()), b"", b'{"broken', orjson.dumps(m.asset_feed()), b"   "]

    found = take_in(lines, tenant=TENANT, now=NOON)

    assert [each.line for each in found.refusals] == [3]
    assert {each.source for each in found.batches} == {"aws-config", "gcp-asset-feed"}


def test_a_list_on_one_line_is_its_members() -> None:
    found = taken([m.event_grid(), {"x": 1}, m.event_grid("Deleted")])

    assert [len(each.events) for each in found.batches] == [2]
    assert [each.payload for each in found.refusals] == [b'{"x":1}']


def test_messages_are_gathered_in_order_and_the_same_lines_give_the_same_batches() -> None:
    documents = [
        m.config_notification(ARN=f"{m.QUEUE}-{number}", resourceName=f"orders-{number}")
        for number in range(EVENTS_PER_BATCH + 3)
    ]

    found, again = taken(*documents), taken(*documents, now=NOON + timedelta(days=1))

    assert [len(each.events) for each in found.batches] == [EVENTS_PER_BATCH, 3]
    assert [each.uid for each in found.batches[1].events] == [f"{m.QUEUE}-{EVENTS_PER_BATCH + n}" for n in range(3)]
    assert [each.batch_id for each in found.batches] == [each.batch_id for each in again.batches]


def test_a_secret_in_a_message_is_gone_from_the_event() -> None:
    configuration = {"QueueUrl": "x", "DbPassword": "hunter2hunter2"}

    found = event(m.config_notification(configuration=configuration))

    assert b"hunter2" not in encode(batch("b-1", found)).payload


@pytest.mark.parametrize(
    "document",
    [
        {"a": 1, "password": "hunter2hunter2"},
        m.in_pubsub({"asset": {"name": "//x", "assetType": "y", "password": "hunter2hunter2"}}),
        {**m.in_sns({"password": "hunter2hunter2"}), "Type": "Notification"},
    ],
)
def test_a_secret_in_a_message_that_is_refused_is_gone_too(document: m.Message) -> None:
    found = taken(document)

    assert all(b"hunter2" not in each.payload for each in found.refusals)
    assert all("hunter2" not in each.reason for each in found.refusals)


def own(**changes: object) -> dict[str, Any]:
    document = orjson.loads(encode(batch("b-7", changed("orders"), deleted("bills"))).payload)
    for key in ("digest", "origin"):
        del document["events"][0]["item"][key]
    return {**document, **changes}


def test_a_batch_of_our_own_form_keeps_its_id_and_gets_the_digest_of_what_is_in_it() -> None:
    found = taken(own())

    (published,) = found.batches
    assert (published.batch_id, published.source, published.published_at) == ("b-7", "aws-config", NOON)
    first = changed("orders").item
    assert first is not None
    assert published.events[0].item is not None
    assert published.events[0].item.digest == first.digest
    assert published.events[1] == deleted("bills")


def test_a_batch_without_an_id_is_named_by_what_it_says() -> None:
    document = own()
    del document["batch_id"], document["published_at"]

    first, second = taken(document).batches[0], taken(document).batches[0]

    assert first.batch_id == second.batch_id != ""


def test_a_secret_in_a_batch_of_our_own_form_is_gone() -> None:
    document = own()
    document["events"][0]["item"]["properties"]["password"] = "hunter2hunter2"
    document["events"][0]["item"]["tags"]["api_key"] = "hunter2hunter2"

    assert b"hunter2" not in encode(taken(document).batches[0]).payload


def test_another_tenants_batch_is_refused() -> None:
    assert "another tenant" in refusal(own(tenant="globex")).reason


def test_a_change_in_the_future_is_refused_because_it_would_win_over_what_follows() -> None:
    ahead = orjson.loads(encode(batch("b-1", changed("orders", at=NOON + timedelta(hours=2)))).payload)
    near = orjson.loads(encode(batch("b-1", changed("orders", at=NOON + timedelta(minutes=59)))).payload)

    assert "lies in the future" in refusal(ahead).reason
    assert len(taken(near).batches) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"events": []}, "the batch is empty"),
        ({"events": [{}]}, "without `item`"),
        ({"events": [{"item": None, "uid": "a"}]}, "`at` is missing"),
        ({"events": [{"item": {}, "uid": "a", "at": "2026-03-01"}]}, "`provider` is missing"),
        ({"events": [{"item": {"provider": "oracle"}, "uid": "a", "at": "2026-03-01"}]}, "unknown provider"),
        ({"events": [{"item": None, "uid": "", "at": "2026-03-01"}]}, "names no resource"),
        ({"batch_id": "x" * 201}, "is not a name"),
        ({"batch_id": "a\nb"}, "is not a name"),
        ({"source": 7}, "`source` is missing or of the wrong type"),
    ],
)
def test_a_batch_of_our_own_form_that_is_not_right_is_refused(changes: dict[str, object], reason: str) -> None:
    assert reason in refusal(own(**changes)).reason


def test_a_line_that_is_nested_too_deeply_is_refused() -> None:
    document = own()
    deep: Any = {}
    for _ in range(300):
        deep = {"a": deep}
    document["events"][0]["item"]["properties"] = deep

    found = take_in([json.dumps(document).encode()], tenant=TENANT, now=NOON)

    assert [each.reason for each in found.refusals] == ["nested too deeply"]
