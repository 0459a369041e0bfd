"""AWS API answers as observations: by the table of operations, by the table of facets, else by their shape.

The id is the ARN, taken from the object or made where the table says how and account and region are known; else the
provider's own id. What an operation answers without naming the resource it was asked about is a gap, never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from connectors.aws import inference
from connectors.aws.arn import account_of, last_of, region_of, type_of_arn
from connectors.aws.config import parse_text
from connectors.aws.facets import ABSENT_CODES, FACETS, FACETS_BY_TYPE, POLICY_KEYS, Facet
from connectors.aws.operations import CLASSIC_LOAD_BALANCER, NAMESPACES, OPERATIONS, Operation, canonical_service
from connectors.observation import (
    EVERYTHING,
    FULL,
    SUMMARY,
    TAGS,
    Classified,
    Document,
    Envelope,
    Observation,
    gap,
    one,
    tag_map,
    text,
)
from domain.inventory import RecordClass
from domain.resource import Provider
from domain.value import Json

_FORMAT = "aws-api"
_MORE_SERVICES = {"athena", "backup", "bedrock", "bedrock-agent", "glacier", "glue", "kinesis", "lambda", "qbusiness",
                  "redshift", "sts", "service-quotas", "organizations", "events", "budgets", "inspector2",
                  "opensearch", "config", "securityhub"}  # fmt: skip
_HINT = re.compile(r"(?:^|/)(?:([a-z0-9]+)[-/.])?((?:describe|list|get)-[a-z0-9-]+)(?:\.json)?(?:/([^/]+))?$")
_FOLDER_HINT = re.compile(r"(?:^|/)([a-z0-9_-]+)/((?:describe|list|get)-[a-z0-9-]+)(?:__[^/]*)?\.json()$")
_SERVICES = NAMESPACES.keys() | {service for service, _ in [*OPERATIONS, *FACETS]} | _MORE_SERVICES
_TARGET_TODO = "Record the request beside the answer, as parameters"


def operation_from_hint(hint: str) -> tuple[str, str, str]:
    """Service, operation and the resource asked about, from a recording's name such as `ec2-describe-vpcs.json`."""
    found = _HINT.search(hint) or _FOLDER_HINT.search(hint)
    if not found or not found[1] or canonical_service(found[1].replace("_", "-")) not in _SERVICES:
        return "", "", ""
    name = "".join(part[:1].upper() + part[1:] for part in found[2].split("-"))
    service = canonical_service(found[1].replace("_", "-"))
    return service, _spelled(service, name), unquote(found[3] or "")


def _spelled(service: str, name: str) -> str:
    """The API's own spelling of a name: `DescribeDbInstances` is `DescribeDBInstances`."""
    return _SPELLINGS.get((service, name.lower()), name)


_SPELLINGS = {
    (service, name.lower()): name
    for service, name in [*OPERATIONS, *FACETS, ("sts", "GetCallerIdentity")]
}  # fmt: skip


def parse_operation(given: str) -> tuple[str, str]:
    """Service and operation from `ec2:DescribeVpcs`, `ec2.DescribeVpcs`, `ec2 describe-vpcs` or with `aws ` before."""
    parts = re.split(r"[\s:./]+", given.strip().removeprefix("aws "), maxsplit=1)
    if len(parts) != 2:
        return "", ""
    service, name = parts
    if "-" in name or name.islower():
        name = "".join(part[:1].upper() + part[1:] for part in name.split("-"))
    return service, _spelled(canonical_service(service), name)


def guess_operation(body: Document) -> tuple[str, str]:
    """Service and operation of a plain answer, where its key belongs to exactly one call in the table."""
    keys = [key for key, value in body.items() if isinstance(value, list | dict) and key != "ResponseMetadata"]
    for key in keys:
        if key in _SIGNATURES:
            row = _SIGNATURES[key]
            if _fits(body[key], row):
                return row.service, row.name
    return "", ""


def _signatures() -> dict[str, Operation]:
    rows: dict[str, list[Operation]] = {}
    for row in [*OPERATIONS.values(), CLASSIC_LOAD_BALANCER]:
        if row.path:
            rows.setdefault(row.path.partition(".")[0], []).append(row)
    return {key: found[0] for key, found in rows.items() if len(found) == 1}


_SIGNATURES = _signatures()


def _fits(value: Json, row: Operation) -> bool:
    """Whether the members have the identity that the table says; an empty list fits."""
    items = list(_walk(value, row.path.split(".")[1:]))
    wanted = {row.id, row.arn, row.label} - {""}
    return all(isinstance(item, dict) and bool(item.keys() & wanted) for item in items[:5])


def classify_answer(envelope: Envelope, service: str, operation: str, target: str = "") -> Classified:
    """A recorded answer of a known call."""
    body = envelope.body
    service = canonical_service(service)
    facet = FACETS.get((service, operation))
    row = OPERATIONS.get((service, operation))
    if not isinstance(body, dict):
        return gap(_FORMAT, f"{service} {operation}: the answer is no object")
    if "Error" in body:
        return _classify_error(body, facet, envelope, service=service, operation=operation, target=target)
    body = {key: value for key, value in body.items() if key != "ResponseMetadata"}
    if operation == "GetResources" and isinstance(body.get("ResourceTagMappingList"), list):
        return _classify_tagged(body["ResourceTagMappingList"])
    if row is None and "LoadBalancerDescriptions" in body:
        row = CLASSIC_LOAD_BALANCER
    if row is not None:
        return _classify_row(row, body, envelope)
    if facet is not None:
        return _classify_facet(facet, body, envelope, target=target)
    return _classify_unknown(service, operation, body, envelope)


def classify_member(item: Document, envelope: Envelope, service: str, operation: str) -> Classified:
    """One resource taken out of an answer beforehand, with the call it came from."""
    service = canonical_service(service)
    row = OPERATIONS.get((service, operation))
    if row is not None and service == "elasticloadbalancing" and "LoadBalancerArn" not in item:
        row = CLASSIC_LOAD_BALANCER if operation == "DescribeLoadBalancers" else row
    if row is not None:
        observation = _observe(row, item, envelope)
        if observation:
            return one(_FORMAT, observation)
        return gap(_FORMAT, f"{service} {operation}: the object has no {row.id or row.arn}", _TARGET_TODO)
    found = inference.observe(item, service, inference.noun_of(operation), account=envelope.account,
                              region=envelope.region)  # fmt: skip
    if found is None:
        return gap(_FORMAT, f"{service} {operation}: nothing in the object identifies it")
    return one(_FORMAT, _partial(found))


def _classify_row(row: Operation, body: Document, envelope: Envelope) -> Classified:
    is_single = not row.path or (isinstance(body.get(row.path), dict) and "Quantity" not in _object(body.get(row.path)))
    found, gaps = [], []
    for number, item in enumerate(_walk(body, row.path.split(".") if row.path else []), 1):
        observation = _observe(row, item, envelope) if isinstance(item, dict) else None
        if observation:
            found.append(observation)
        else:
            gaps.append((number, f"{row.service} {row.name}: the object has no {row.id or row.arn}"))
    if is_single and found:
        return Classified(RecordClass.RESOURCE, _FORMAT, tuple(found))
    if gaps and not found:
        return gap(_FORMAT, gaps[0][1], _TARGET_TODO)
    return Classified(RecordClass.LIST if found else RecordClass.EMPTY, _FORMAT, tuple(found), gaps=tuple(gaps))


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _walk(value: Json, path: list[str]) -> Iterator[Json]:
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, path)
    elif isinstance(value, dict) and "Quantity" in value and not path:
        yield from _walk(value.get("Items") or [], [])
    elif path and isinstance(value, dict):
        inner = value.get(path[0])
        if path[0] == "Reservations" and isinstance(inner, list):
            inner = [_with_owner(each) for each in inner]
        if inner is not None:
            yield from _walk(inner, path[1:])
    elif not path:
        yield value


def _with_owner(reservation: Json) -> Json:
    """An instance's account stands on its reservation alone."""
    if not isinstance(reservation, dict) or not isinstance(reservation.get("Instances"), list):
        return reservation
    owner = reservation.get("OwnerId")
    instances = reservation["Instances"]
    if owner and isinstance(instances, list):
        return {"Instances": [{"OwnerId": owner, **each} if isinstance(each, dict) else each for each in instances]}
    return reservation


def _observe(row: Operation, item: Document, envelope: Envelope) -> Observation | None:
    for key in POLICY_KEYS & item.keys():
        item[key] = parse_text(item[key])
    identity, given = text(item.get(row.id)), text(item.get(row.arn)) if "{" not in row.arn else ""
    region = envelope.region or region_of(given) or _region_of(item)
    account = account_of(given) or text(item.get("OwnerId")) or envelope.account
    uid = given or _arn(row.arn, item, region, account) or identity
    if not uid:
        return None
    tags = tag_map(inference.tags_of(item))
    account = account_of(uid) or account
    facets = FACETS_BY_TYPE.get(row.type, ())
    return Observation(
        provider=Provider.AWS,
        uid=uid,
        type=row.type,
        name=text(item.get(row.label)) or tags.get("Name") or identity or last_of(uid),
        document=item,
        scope=f"/accounts/{account}" if account.isdigit() else "",
        region=region,
        tags=tags,
        unread=EVERYTHING if row.is_summary else tuple(key for key in facets if key not in item),
        facet=SUMMARY if row.is_summary else FULL,
    )


def _arn(template: str, item: Document, region: str, account: str) -> str:
    """An ARN by its template; empty where a part is not known."""
    if "{" not in template:
        return ""
    values = {key: value for key, value in item.items() if isinstance(value, str)}
    values |= {"region": region, "account": account}
    if any(not values.get(name) for name in re.findall(r"\{(\w+)\}", template)):
        return ""
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]].removeprefix("/hostedzone/"), template)


def _region_of(item: Document) -> str:
    placement = item.get("Placement")
    zone = text(item.get("AvailabilityZone")) or (
        text(placement.get("AvailabilityZone")) if isinstance(placement, dict) else ""
    )
    return zone[:-1] if re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", zone) else ""


def _classify_error(
    body: Document, facet: Facet | None, envelope: Envelope, *, service: str, operation: str, target: str
) -> Classified:
    error = body.get("Error")
    code = text(error.get("Code")) if isinstance(error, dict) else ""
    if facet is None or code not in ABSENT_CODES:
        return gap(
            _FORMAT, f"{service} {operation} failed with {code or 'an error'}", "Grant the read and export again"
        )
    return _classify_facet(facet, {}, envelope, target=target, absent=True)


def _classify_facet(
    facet: Facet, body: Document, envelope: Envelope, *, target: str, absent: bool = False
) -> Classified:
    """One aspect of one resource: named by the answer, by the recorded request, or by the recording's name."""
    identity = text(body.get(facet.answer_id)) if facet.answer_id else ""
    identity = identity or text(envelope.parameters.get(facet.parameter)) or target
    uid = identity
    if identity and facet.uid and not identity.startswith("arn:"):
        known = {"id": identity, "region": envelope.region, "registryId": text(body.get("registryId"))}
        if any(not known.get(name) for name in re.findall(r"\{(\w+)\}", facet.uid)):
            uid = identity
        else:
            uid = facet.uid.format(**known)
    if not uid:
        return gap(_FORMAT, f"{facet.service} {facet.operation}: which {last_of(facet.type)} was asked about is not"
                   " recorded", _TARGET_TODO)  # fmt: skip
    value: Json = body.get(facet.path) if facet.path else body
    content = parse_text(value) if facet.path else {key: parse_text(each) if key in POLICY_KEYS else each
                                                    for key, each in body.items()}  # fmt: skip
    region, account = region_of(uid) or envelope.region, account_of(uid) or envelope.account
    return one(
        _FORMAT,
        Observation(
            provider=Provider.AWS,
            uid=uid,
            type=facet.type,
            name=last_of(uid),
            document=content,
            scope=f"/accounts/{account}" if account else "",
            region=region,
            tags=tag_map(content) if facet.key == "Tags" else {},
            facet=facet.key or FULL,
            absent=absent or content in (None, "", {}),
        ),
    )


def _classify_tagged(rows: Json) -> Classified:
    """The tagging service knows every resource's ARN and tags, and nothing else."""
    found = []
    for row in rows if isinstance(rows, list) else []:
        arn = text(row.get("ResourceARN")) if isinstance(row, dict) else ""
        if isinstance(row, dict) and arn.startswith("arn:"):
            found.append(_tagged(arn, row))
    return Classified(RecordClass.LIST if found else RecordClass.EMPTY, _FORMAT, tuple(found))


def _tagged(arn: str, row: Document) -> Observation:
    account = account_of(arn)
    return Observation(
        provider=Provider.AWS,
        uid=arn,
        type=type_of_arn(arn),
        name=last_of(arn),
        document=row,
        scope=f"/accounts/{account}" if account else "",
        region=region_of(arn),
        tags=tag_map(row.get("Tags")),
        unread=EVERYTHING,
        facet=TAGS,
    )


def _classify_unknown(service: str, operation: str, body: Document, envelope: Envelope) -> Classified:
    if not inference.is_read(operation):
        return Classified(RecordClass.CATALOGUE, _FORMAT)
    noun = inference.noun_of(operation)
    lists = inference.members(body)
    found, gaps = [], []
    for key, values in lists if not inference.is_catalogue(operation) else []:
        for number, value in enumerate(values, 1):
            each_noun = noun if len(lists) == 1 else inference.singular(key[:1].upper() + key[1:])
            observation = inference.observe(value, service, each_noun, account=envelope.account, region=envelope.region)
            if observation:
                found.append(_partial(observation, is_list=True))
            else:
                gaps.append((number, f"{service} {operation}: nothing in a member of {key} identifies it"))
    if inference.is_catalogue(operation):
        return Classified(RecordClass.CATALOGUE, _FORMAT)
    return _without_list(service, operation, body, envelope) if not found else Classified(
        RecordClass.LIST, _FORMAT, tuple(found), gaps=tuple(gaps))  # fmt: skip


def _without_list(service: str, operation: str, body: Document, envelope: Envelope) -> Classified:
    """An answer in which no list held a resource: one object, an aspect of something, or nothing."""
    if not any(value not in (None, "", [], {}) for value in body.values()):
        return Classified(RecordClass.EMPTY, _FORMAT)
    if inference.is_aspect(operation):
        return gap(_FORMAT, f"{service} {operation}: which resource was asked about is not recorded", _TARGET_TODO)
    lists = inference.members(body)
    if operation.startswith(("List", "Search")) or (lists and len(lists) == len(body)):
        return _classify_names(service, operation, [each for _, values in lists for each in values])
    item = inference.own_object(body, operation)
    noun = inference.noun_of(operation)
    found = inference.observe(item, service, noun, account=envelope.account, region=envelope.region)
    if found is None:
        return gap(_FORMAT, f"{service} {operation}: nothing in the answer identifies a resource", _TARGET_TODO)
    return one(_FORMAT, _partial(found))


def _classify_names(service: str, operation: str, values: list[Json]) -> Classified:
    """A list of bare names or numbers: recognised, but no resource has so little."""
    if all(isinstance(each, str | int) for each in values):
        return Classified(RecordClass.LIST if values else RecordClass.EMPTY, _FORMAT)
    return gap(_FORMAT, f"{service} {operation}: nothing in its members identifies them")


def _partial(found: Observation, *, is_list: bool = False) -> Observation:
    found.unread = EVERYTHING
    found.facet = SUMMARY if is_list else FULL
    document = found.document
    if isinstance(document, dict):
        for key in POLICY_KEYS & document.keys():
            document[key] = parse_text(document[key])
    return found
