"""Terraform state and plans as observations: what is declared, in native shape as far as a table says.

The id is the provider's own where the state holds it, else the address. All attributes stand under `terraform`; the
ones that `connectors.terraform.types` translates also stand where the provider has them. A state is only a summary: a
provider's own answer for the same id comes before it. Values marked sensitive are removed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connectors.aws.arn import account_of, region_of
from connectors.azure.normalize import scope_of
from connectors.observation import EVERYTHING, SUMMARY, Classified, Document, Observation, tag_map, text
from connectors.redaction import remove_all
from connectors.terraform.types import ATTRIBUTES, NATIVE, SCHEMES, SWITCHES
from domain.inventory import RecordClass
from domain.resource import Provider, resource_key
from domain.value import Json

_DEPTH_MAX = 50


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource instance that a state or plan declares."""

    address: str
    type: str
    values: Document


def is_state(body: Document) -> bool:
    """Whether this is a state file of version 4."""
    return body.get("version") == 4 and isinstance(body.get("resources"), list) and (
        "lineage" in body or "terraform_version" in body
    )  # fmt: skip


def is_shown(body: Document) -> bool:
    """Whether this is what `terraform show -json` prints."""
    return "format_version" in body and bool(
        body.keys() & {"values", "planned_values", "resource_changes", "terraform_version"}
    )


def classify(body: Document) -> Classified:
    """A state or plan: every managed resource in it."""
    format_ = "terraform-plan" if is_plan(body) else "terraform-state"
    return _classified(format_, declared(body))


def is_plan(body: Document) -> bool:
    """Whether this is a plan, as `terraform show -json` prints it."""
    return not is_state(body) and ("planned_values" in body or "resource_changes" in body)


def declared(body: Document) -> list[Declared]:
    """Every managed resource of a state or plan, with what is marked sensitive removed."""
    if is_state(body):
        return list(_of_state(body))
    values = body.get("planned_values") or body.get("values")
    root = values.get("root_module") if isinstance(values, dict) else None
    return list(_of_module(root, 0))


def _classified(format_: str, resources: list[Declared]) -> Classified:
    found: list[Observation] = []
    gaps: list[tuple[int, str]] = []
    for number, each in enumerate(resources, 1):
        observation = observe(each)
        if observation:
            found.append(observation)
        elif each.type.split("_")[0] in SCHEMES:
            gaps.append((number, f"no native type is known for {each.type}"))
    kind = RecordClass.LIST if found else RecordClass.EMPTY
    return Classified(kind, format_, tuple(found), gaps=tuple(gaps))


def _of_state(body: Document) -> Iterator[Declared]:
    resources = body["resources"]
    for resource in resources if isinstance(resources, list) else []:
        if not isinstance(resource, dict) or resource.get("mode", "managed") != "managed":
            continue
        type_, name, module = text(resource.get("type")), text(resource.get("name")), text(resource.get("module"))
        instances = resource.get("instances")
        for instance in instances if isinstance(instances, list) else []:
            if isinstance(instance, dict) and isinstance(instance.get("attributes"), dict):
                address = ".".join(part for part in (module, type_, name) if part) + _index(instance.get("index_key"))
                values = instance["attributes"]
                if isinstance(values, dict):
                    _remove_paths(values, instance.get("sensitive_attributes"))
                    yield Declared(address, type_, values)


def _index(key: Json) -> str:
    if key is None:
        return ""
    return f'["{key}"]' if isinstance(key, str) else f"[{key}]"


def _of_module(module: Json, depth: int) -> Iterator[Declared]:
    if not isinstance(module, dict) or depth > _DEPTH_MAX:
        return
    resources, children = module.get("resources"), module.get("child_modules")
    for resource in resources if isinstance(resources, list) else []:
        if isinstance(resource, dict) and resource.get("mode", "managed") == "managed":
            values = _without_marked(resource.get("values"), resource.get("sensitive_values"))
            if isinstance(values, dict):
                yield Declared(text(resource.get("address")), text(resource.get("type")), values)
    for child in children if isinstance(children, list) else []:
        yield from _of_module(child, depth + 1)


def _without_marked(values: Json, marks: Json) -> Json:
    """Values without those that `sensitive_values`, which has the same shape, marks true."""
    if marks is True:
        return remove_all(values)
    if isinstance(marks, dict) and isinstance(values, dict):
        return {key: _without_marked(value, marks.get(key)) for key, value in values.items()}
    if isinstance(marks, list) and isinstance(values, list):
        return [_without_marked(value, marks[at] if at < len(marks) else None) for at, value in enumerate(values)]
    return values


def _remove_paths(values: Document, paths: Json) -> None:
    """Remove what a state's `sensitive_attributes` lists, each a path of steps."""
    for path in paths if isinstance(paths, list) else []:
        steps = [_step(step) for step in path] if isinstance(path, list) else [_step(path)]
        node: Json = values
        for step in steps[:-1]:
            node = _inside(node, step)
        last = steps[-1] if steps else ""
        marked = _inside(node, last)
        if marked is not None and isinstance(node, dict | list):
            node[last] = remove_all(marked)  # type: ignore[index]


def _step(step: Json) -> str | int:
    value = step.get("value") if isinstance(step, dict) else step
    if isinstance(value, dict):
        value = value.get("value")
    return value if isinstance(value, int) else text(value)


def _inside(node: Json, step: str | int) -> Json:
    if isinstance(node, dict) and isinstance(step, str):
        return node.get(step)
    if isinstance(node, list) and isinstance(step, int) and 0 <= step < len(node):
        return node[step]
    return None


def observe(resource: Declared) -> Observation | None:
    """A declared resource as an observation; None where its native type is not known."""
    native = NATIVE.get(resource.type)
    if native is None:
        return None
    provider = Provider(SCHEMES[resource.type.split("_")[0]])
    values = resource.values
    uid = uid_of(provider, native, values) or f"terraform:{resource.address}"
    name = text(values.get("name")) or text(values.get("bucket")) or text(values.get("identifier"))
    document = _translated(resource.type, values)
    document["terraform"] = {"address": resource.address, "type": resource.type, "attributes": values}
    return Observation(
        provider=provider,
        uid=uid,
        type=native,
        name=name or text(values.get("function_name")) or resource.address,
        document=document,
        scope=declared_scope(provider, uid, values),
        region=declared_region(values, uid),
        tags=tag_map(values.get("tags_all") or values.get("tags") or values.get("labels")),
        unread=EVERYTHING,
        facet=SUMMARY,
    )


def uid_of(provider: Provider, native: str, values: Mapping[str, Json]) -> str:
    """The provider's own id among the attributes; empty where they do not hold it."""
    identity = text(values.get("id"))
    if provider is Provider.AZURE:
        return identity if identity.startswith("/") else ""
    if provider is Provider.AWS:
        return text(values.get("arn")) or identity
    service = native.partition("/")[0]
    if native == "storage.googleapis.com/Bucket":
        return f"//{service}/{text(values.get('name'))}" if values.get("name") else ""
    link = resource_key(text(values.get("self_link")))
    if link.startswith("//"):
        return link
    return f"//{service}/{identity}" if identity.startswith(("projects/", "organizations/", "folders/")) else ""


def declared_scope(provider: Provider, uid: str, values: Mapping[str, Json]) -> str:
    """Where a declared resource lives; empty where neither id nor attributes say."""
    if provider is Provider.AZURE:
        return scope_of(uid)
    if provider is Provider.AWS:
        return f"/accounts/{account_of(uid)}" if account_of(uid) else ""
    project = text(values.get("project"))
    return f"/projects/{project}" if project else ""


def declared_region(values: Mapping[str, Json], uid: str) -> str:
    """The region that the attributes or the id name."""
    given = text(values.get("location")) or text(values.get("region")) or region_of(uid)
    zone = text(values.get("zone")) or text(values.get("availability_zone"))
    return (given or zone).replace(" ", "").lower()


def _translated(type_: str, values: Document) -> Document:
    """The attributes that the table knows, where the provider has them."""
    document: Document = {}
    for declared, native in ATTRIBUTES.get(type_, {}).items():
        value = _read(values, declared)
        if value is not None:
            if native in SWITCHES and isinstance(value, bool):
                value = "Enabled" if value else "Disabled"
            _write(document, native, value)
    if type_ == "aws_security_group":
        document["GroupId"], document["VpcId"] = values.get("id"), values.get("vpc_id")
        document["IpPermissions"] = [_permission(rule) for rule in _list(values.get("ingress"))]
        document["IpPermissionsEgress"] = [_permission(rule) for rule in _list(values.get("egress"))]
    if type_ == "google_compute_firewall":
        for action in ("allow", "deny"):
            rules = [each for each in _list(values.get(action)) if isinstance(each, dict)]
            if rules:
                document["allowed" if action == "allow" else "denied"] = [
                    {"IPProtocol": rule.get("protocol"), "ports": rule.get("ports")} for rule in rules
                ]
    return document


def _permission(rule: Json) -> Json:
    if not isinstance(rule, dict):
        return rule
    return {
        "IpProtocol": rule.get("protocol"),
        "FromPort": rule.get("from_port"),
        "ToPort": rule.get("to_port"),
        "IpRanges": [{"CidrIp": each} for each in _list(rule.get("cidr_blocks"))],
        "Ipv6Ranges": [{"CidrIpv6": each} for each in _list(rule.get("ipv6_cidr_blocks"))],
        "UserIdGroupPairs": [{"GroupId": each} for each in _list(rule.get("security_groups"))],
    }


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _read(values: Json, path: str) -> Json:
    for step in path.split("."):
        values = _inside(values, int(step) if step.isdigit() else step)
    return values


def _write(document: Document, path: str, value: Json) -> None:
    *parents, last = path.split(".")
    node = document
    for parent in parents:
        inner = node.setdefault(parent, {})
        if not isinstance(inner, dict):
            return
        node = inner
    node[last] = value
