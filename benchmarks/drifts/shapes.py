"""One resource as another API would write it: the same state, in the form of AWS Config, Resource Graph or an asset.

The input is a recorded answer; what is made of it is labelled synthetic. Nothing here knows the tables of
`graph.drift`: the forms are written from the providers' documents.
"""

from __future__ import annotations

import json
from typing import Any

Json = Any


def as_config_item(uid: str, type_: str, document: dict[str, Json], *, account: str, region: str) -> dict[str, Json]:
    """AWS Config: keys in camel case, what is not set as null or empty, security groups' ranges as text, tags twice."""
    configuration = {_camel(key): _config_value(key, value) for key, value in document.items()}
    configuration.setdefault("outpostArn", None)
    configuration.setdefault("productCodes", [])
    tags: Json = next((document[key] for key in _TAG_KEYS if document.get(key)), [])
    return {
        "version": "1.3",
        "accountId": account,
        "configurationItemCaptureTime": "2026-02-01T00:00:00.000Z",
        "configurationItemStatus": "OK",
        "arn": uid,
        "resourceType": type_,
        "resourceId": uid.replace("/", ":").rpartition(":")[2],
        "awsRegion": region or "us-east-1",
        "tags": _tag_map(tags),
        "relatedEvents": [],
        "relationships": [{"resourceType": "AWS::EC2::VPC", "resourceId": "vpc-0", "relationshipName": "Is in "}],
        "configuration": json.dumps(configuration),
        "supplementaryConfiguration": {},
    }


_TAG_KEYS = ("Tags", "TagSet", "TagList", "tags")
_POLICIES = {"Policy", "AssumeRolePolicyDocument", "RedrivePolicy", "EffectiveDeliveryPolicy"}
"""Documents that Config keeps as text."""


def _tag_map(tags: Json) -> dict[str, str]:
    if isinstance(tags, dict):
        return dict(tags)
    pairs = ({name.lower(): each for name, each in tag.items()} for tag in tags if isinstance(tag, dict))
    return {pair["key"]: pair["value"] for pair in pairs if "key" in pair and "value" in pair}


def _camel(key: str) -> str:
    head = len(key) - len(key.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    return key[:1].lower() + key[1:] if head <= 1 else key[: head - 1].lower() + key[head - 1 :]


def _config_value(key: str, value: Json) -> Json:
    if key in _POLICIES and isinstance(value, dict):
        return json.dumps(value)
    if key == "IpRanges" and isinstance(value, list):
        return [each["CidrIp"] if isinstance(each, dict) and "CidrIp" in each else each for each in value]
    if isinstance(value, dict):
        return {_camel(name): _config_value(name, each) for name, each in value.items()}
    if isinstance(value, list):
        found = [_config_value("", each) for each in value]
        return list(reversed(found)) if all(isinstance(each, dict) for each in found) else found
    if isinstance(value, str) and len(value) >= 20 and value[4:5] == "-" and value[10:11] == "T":
        return value.replace("+00:00", "Z").split(".")[0].rstrip("Z") + ".000Z"
    return value


def as_graph_row(resource: dict[str, Json]) -> dict[str, Json]:
    """Azure Resource Graph: fixed columns, null where nothing is set, the type in lower case, other letters in ids."""
    columns = ("kind", "managedBy", "sku", "plan", "identity", "zones", "extendedLocation", "tags", "properties")
    row: dict[str, Json] = {name: resource.get(name) for name in columns}
    row |= {
        "id": resource["id"].replace("/resourceGroups/", "/resourcegroups/"),
        "name": resource.get("name"),
        "type": str(resource.get("type", "")).lower() or None,
        "tenantId": "00000000-0000-0000-0000-000000000000",
        "location": str(resource.get("location") or "").replace(" ", "").lower(),
        "resourceGroup": resource["id"].split("/")[4].lower() if resource["id"].count("/") > 4 else "",
        "subscriptionId": resource["id"].split("/")[2] if resource["id"].count("/") > 2 else "",
    }
    if isinstance(row["properties"], dict):
        row["properties"] = _reordered(row["properties"])
    left_out = {*row, "etag", "apiVersion"}
    row.update({name: value for name, value in resource.items() if name not in left_out})
    return row


def _reordered(value: Json) -> Json:
    """Keys in another order, as a service that stores them otherwise gives them."""
    if isinstance(value, dict):
        return {key: _reordered(each) for key, each in sorted(value.items(), reverse=True)}
    return [_reordered(each) for each in value] if isinstance(value, list) else value


def as_asset(uid: str, type_: str, document: dict[str, Json]) -> dict[str, Json]:
    """Cloud Asset Inventory: the same document under `resource.data`, without what only the API's answer holds."""
    data = {key: value for key, value in document.items() if key not in {"kind", "etag"}}
    return {
        "name": uid,
        "asset_type": type_,
        "resource": {"version": "v1", "discovery_name": type_.rpartition("/")[2], "data": _reordered(data)},
        "ancestors": ["projects/1", "organizations/1"],
    }
