"""AWS Config: configuration items, snapshots, change notifications, and advanced-query rows.

An item's `configuration` becomes the document, so that it meets the API's own answers; supplementary configuration
goes under the facets' keys, in the API's shape; what Config itself says of the item stays under `configurationItem`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import unquote

import orjson

from connectors.aws.arn import account_of, last_of, region_of, type_of_arn
from connectors.aws.facets import CONFIG_FACETS, FACETS_BY_TYPE, POLICY_KEYS
from connectors.observation import EVERYTHING, Classified, Document, Observation, gap, one, tag_map, text
from domain.clock import parse_instant
from domain.errors import InputError
from domain.inventory import RecordClass
from domain.resource import Provider
from domain.value import Json

_TYPE = re.compile(r"(AWS|[A-Za-z0-9]+)::[A-Za-z0-9]+::[A-Za-z0-9:]+")
_DELETED = frozenset({"ResourceDeleted", "ResourceDeletedNotRecorded"})
_GLOBAL = frozenset({"global", "not applicable"})
_OWN_IDS = (
    ("groupid", "sg-", "AWS::EC2::SecurityGroup"),
    ("instanceid", "i-", "AWS::EC2::Instance"),
    ("volumeid", "vol-", "AWS::EC2::Volume"),
    ("networkinterfaceid", "eni-", "AWS::EC2::NetworkInterface"),
    ("subnetid", "subnet-", "AWS::EC2::Subnet"),
    ("vpcid", "vpc-", "AWS::EC2::VPC"),
)
_FROM_CONFIG = frozenset(key for key, _ in CONFIG_FACETS.values())


def is_item(body: Document) -> bool:
    """Whether this is a configuration item or an advanced-query row."""
    type_ = body.get("resourceType")
    return isinstance(type_, str) and _TYPE.fullmatch(type_) is not None


def is_row(body: Document) -> bool:
    """Whether this is an advanced-query row without a type: only what Config itself calls its columns."""
    telling = {"resourceId", "arn", "accountId", "awsRegion", "supplementaryConfiguration"}
    return "configuration" in body and bool(body.keys() & telling)


def is_snapshot(body: Document) -> bool:
    """Whether this is a snapshot or a history answer."""
    return isinstance(body.get("configurationItems"), list)


def is_query_answer(body: Document) -> bool:
    """Whether this is an advanced query's answer, whose rows are JSON text."""
    return isinstance(body.get("Results"), list) and isinstance(body.get("QueryInfo"), dict)


def is_notification(body: Document) -> bool:
    """Whether this is the message that Config sends when an item changes."""
    item = body.get("configurationItem")
    return isinstance(item, dict) and is_item(item)


def classify_notification(body: Document) -> Classified:
    """A change notification: the item in it."""
    item = body["configurationItem"]
    return classify_item(item) if isinstance(item, dict) else gap("aws-config", "a notification without its item")


def classify_snapshot(body: Document) -> Classified:
    """A snapshot: every item in it."""
    return _classify_rows(body["configurationItems"])


def classify_query_answer(body: Document) -> Classified:
    """An advanced query's answer."""
    rows = body["Results"]
    return _classify_rows([parse_text(row) for row in rows] if isinstance(rows, list) else [])


def _classify_rows(rows: Json) -> Classified:
    found: list[Observation] = []
    gaps: list[tuple[int, str]] = []
    for number, row in enumerate(rows if isinstance(rows, list) else [], 1):
        each = classify_item(row) if isinstance(row, dict) else gap("aws-config", "a row is no object")
        found.extend(each.observations)
        if each.kind is RecordClass.GAP:
            gaps.append((number, each.reason))
    kind = RecordClass.LIST if rows else RecordClass.EMPTY
    return Classified(kind, "aws-config", tuple(found), gaps=tuple(gaps))


def classify_item(body: Document) -> Classified:
    """One configuration item or row."""
    observation = observe(body)
    if observation is None:
        return gap("aws-config", "the item has neither an ARN nor an id", "Select arn, resourceId and resourceType")
    return one("aws-config", observation)


def observe(body: Document) -> Observation | None:
    """A configuration item as an observation; None where nothing identifies it."""
    configuration = body.get("configuration")
    if isinstance(configuration, str):
        configuration = parse_text(configuration)
    nested: Document = configuration if isinstance(configuration, dict) else {}
    arn = text(body.get("arn")) or text(body.get("ARN")) or _own_arn(nested)
    type_ = text(body.get("resourceType")) or type_of_arn(arn)
    identity = text(body.get("resourceId"))
    if not type_:
        identity, type_ = _by_own_id(nested)
    if type_ == "AWS::S3::Bucket" and not arn:
        arn = f"arn:aws:s3:::{text(body.get('resourceName')) or identity}"
    uid = arn or identity or text(body.get("resourceName"))
    if not uid or not type_:
        return None
    account = text(body.get("accountId")) or account_of(arn)
    region = text(body.get("awsRegion")) or region_of(arn)
    tags = tag_map(body.get("tags"))
    return Observation(
        provider=Provider.AWS,
        uid=uid,
        type=type_,
        name=text(body.get("resourceName")) or tags.get("Name") or identity or last_of(uid),
        document=_document(body, nested),
        scope=f"/accounts/{account}" if account else "",
        region="" if region.lower() in _GLOBAL else region,
        tags=tags,
        unread=_unread(body, type_),
        absent=text(body.get("configurationItemStatus")) in _DELETED,
        captured_at=instant(body.get("configurationItemCaptureTime")),
    )


def _document(body: Document, nested: Document) -> Document:
    document = dict(nested)
    for key in POLICY_KEYS & document.keys():
        document[key] = parse_text(document[key])
    supplementary = body.get("supplementaryConfiguration")
    if isinstance(supplementary, dict):
        for key, value in supplementary.items():
            facet, content = _facet(key, value)
            if content is not None:
                document[facet] = content
    document.setdefault("tags", body.get("tags"))
    if body.get("relationships"):
        document.setdefault("relationships", body["relationships"])
    document["configurationItem"] = {
        key: value
        for key, value in body.items()
        if key not in {"configuration", "supplementaryConfiguration", "tags", "relationships", "relatedEvents"}
    }
    return document


def _facet(key: str, value: Json) -> tuple[str, Json]:
    facet, inner = CONFIG_FACETS.get(key, (key, ""))
    parsed = parse_text(value)
    if inner and isinstance(parsed, dict) and inner in parsed:
        parsed = parse_text(parsed[inner])
    if facet == "BucketLogging" and isinstance(parsed, dict) and "destinationBucketName" in parsed:
        target = parsed.get("destinationBucketName")
        prefix = parsed.get("logFilePrefix")
        parsed = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": prefix}} if target else {}
    elif facet == "KeyRotationStatus" and isinstance(parsed, bool):
        parsed = {"KeyRotationEnabled": parsed}
    elif facet == "BucketAcl" and isinstance(parsed, dict) and isinstance(parsed.get("grantList"), list):
        grants = [_grant(each) for each in _list(parsed["grantList"])]
        parsed = {"Owner": parsed.get("owner"), "Grants": grants}
    return facet, parsed


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _grant(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    grantee = value.get("grantee")
    if isinstance(grantee, str):
        group = "global" if grantee in {"AllUsers", "AuthenticatedUsers"} else "s3"
        grantee = {"Type": "Group", "URI": f"http://acs.amazonaws.com/groups/{group}/{grantee}"}
    return {"Grantee": grantee, "Permission": value.get("permission")}


def _unread(body: Document, type_: str) -> tuple[str, ...]:
    if "configurationItemStatus" not in body and "version" not in body:
        return EVERYTHING
    facets = FACETS_BY_TYPE.get(type_, ())
    if not isinstance(body.get("supplementaryConfiguration"), dict):
        return facets
    return tuple(key for key in facets if key not in _FROM_CONFIG)


def parse_text(value: Json) -> Json:
    """JSON inside text, URL-encoded or not; anything else as it is. A policy's text `null` is no policy."""
    if not isinstance(value, str) or not value:
        return value
    start = value.lstrip()[:1]
    if start == "%":
        value, start = unquote(value), "{"
    if start not in '{[n"':
        return value
    try:
        parsed: Json = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    return parsed


def _own_arn(configuration: Document) -> str:
    """An ARN that the configuration carries as its own: its key is `arn` or ends so, and no other key does."""
    for key, value in configuration.items():
        if key.lower() == "arn" and isinstance(value, str) and value.startswith("arn:"):
            return value
    found = [
        value
        for key, value in configuration.items()
        if key.lower().endswith("arn") and isinstance(value, str) and value.startswith("arn:")
        and not value.startswith(("arn:aws:iam", "arn:aws:kms"))
    ]  # fmt: skip
    return found[0] if len(found) == 1 else ""


def _by_own_id(configuration: Document) -> tuple[str, str]:
    """(id, type) of a row whose configuration carries its own id, where the row names neither ARN nor type."""
    lowered = {key.lower(): value for key, value in configuration.items() if isinstance(value, str)}
    for key, prefix, type_ in _OWN_IDS:
        if text(lowered.get(key)).startswith(prefix):
            return text(lowered[key]), type_
    if lowered.keys() == {"name", "creationdate"} and "owner" in {key.lower() for key in configuration}:
        return f"arn:aws:s3:::{lowered['name']}", "AWS::S3::Bucket"
    return "", ""


def instant(value: Json) -> datetime | None:
    """A time as text or as seconds since 1970; None where it is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 1e11 else value
        return datetime.fromtimestamp(seconds, UTC)
    if not isinstance(value, str) or not value:
        return None
    try:
        return parse_instant(value)
    except InputError:
        return None
