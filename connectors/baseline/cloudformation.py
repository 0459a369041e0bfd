"""CloudFormation stacks as baselines: a template with what is known of the stack that was made of it.

A template alone tells names only where it writes them; ids come from what `describe-stacks` and
`describe-stack-resources` (or `list-stack-resources`) answer, which may stand in files beside it or in the same object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import yaml

from connectors.aws.arn import account_of, region_of
from connectors.baseline.cloudformation_functions import Stack, short_form
from connectors.baseline.cloudformation_shapes import ARNS, LINKS, SHAPES
from connectors.baseline.shape import Shape, objects, parsed, shape
from connectors.baseline.unknown import is_unknown
from connectors.observation import Document, tag_map, text
from domain.drift import Declared
from domain.errors import InputError
from domain.inventory import Gap
from domain.resource import Origin, Provider
from domain.value import Json

_TYPE: Final = re.compile(r"[A-Za-z0-9]+::[A-Za-z0-9]+(::[A-Za-z0-9]+)*")
_PROCESSED: Final = "Give what `aws cloudformation get-template --template-stage Processed` prints"
_ANSWERS: Final = ("Stacks", "StackResources", "StackResourceSummaries")


def is_template(body: Document) -> bool:
    """Whether this is a template, alone or as `get-template` answers it."""
    template = _template(body)
    resources = template.get("Resources")
    return (
        isinstance(resources, dict)
        and any(isinstance(each, dict) and _TYPE.fullmatch(text(each.get("Type"))) for each in resources.values())
    ) or ("AWSTemplateFormatVersion" in template and isinstance(resources, dict))


def is_answer(body: Document) -> bool:
    """Whether this is what CloudFormation answers of a stack."""
    return any(isinstance(body.get(key), list) for key in _ANSWERS)


def parse_yaml(content: str, file: str) -> Document:
    """A template in YAML, its short forms written out.

    Raises:
        InputError: it is no YAML, or no object.
    """
    try:
        found = yaml.load(content, Loader=_Loader)  # noqa: S506 (a safe loader with the short forms)
    except (yaml.YAMLError, RecursionError) as error:
        raise InputError("the template is not YAML", where=file, got=str(error)[:200], todo="Export it again") from None
    if not isinstance(found, dict):
        raise InputError("the template is no object", where=file, got=type(found).__name__, todo="Export it again")
    return found


class _Loader(yaml.SafeLoader):
    """Reads `!Ref`, `!Sub` and the others as the functions that they stand for."""


def _construct(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Document:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return short_form(tag, value)


def _text_of(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    """Dates stay text: a policy's `2012-10-17` is a version."""
    assert isinstance(node, yaml.ScalarNode)
    return str(loader.construct_scalar(node))


_Loader.add_multi_constructor("!", _construct)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text_of)


def read(template: Document, answers: list[Document], file: str) -> tuple[list[Declared], list[Gap]]:
    """Every resource of a stack."""
    body = _template(template)
    stack, stack_id = _stack(body, [*answers, template])
    account, region = account_of(stack_id), region_of(stack_id)
    known = {"partition": stack_id.split(":")[1] if account else "aws", "region": region, "account": account}
    found: list[Declared] = []
    gaps: list[Gap] = []
    resources = body.get("Resources")
    for number, (logical, row) in enumerate(resources.items() if isinstance(resources, dict) else (), 1):
        if not isinstance(row, dict) or "Type" not in row:
            gaps.append(Gap(Origin(file, number), f"{logical} is a loop or a module", _PROCESSED))
            continue
        if _is_left_out(row, stack):
            continue
        type_ = text(row.get("Type"))
        if not type_.startswith("AWS::") or type_ in LINKS:
            if not type_.startswith(("AWS::", "Custom::")):
                gaps.append(Gap(Origin(file, number), f"{type_} is no type of AWS", ""))
            continue
        found += _declared(logical, row, stack, known)
    return found, gaps


def _template(body: Document) -> Document:
    inner = parsed(body.get("TemplateBody")) if "TemplateBody" in body else body
    return inner if isinstance(inner, dict) else body


def _is_left_out(row: Document, stack: Stack) -> bool:
    name = text(row.get("Condition"))
    return bool(name) and stack.holds(name) is not True


def _declared(logical: str, row: Document, stack: Stack, known: Mapping[str, str]) -> Iterator[Declared]:
    type_ = text(row.get("Type"))
    how = SHAPES.get(type_) or Shape(type_)
    values = stack.resolve(row.get("Properties") or {})
    if not isinstance(values, dict):
        return
    physical = stack.physical.get(logical, "")
    shaped = shape(values, how)
    name = next((text(value) for key, value in values.items() if _is_name(key, type_) and not is_unknown(value)), "")
    uid = _aspect_of(how, values) if how.is_aspect else _uid(type_, physical, known)
    if how.is_aspect and not uid:
        return
    yield Declared(
        address=logical,
        uid=_uid(how.type, uid, known) if how.is_aspect else uid,
        provider=Provider.AWS,
        type=how.type,
        name=name or physical.rpartition("/")[2],
        scope=f"/accounts/{known['account']}" if known["account"] else "",
        region=known["region"] if not how.type.startswith(("AWS::IAM::", "AWS::S3::")) else "",
        properties=shaped.document,
        loose={} if how.is_aspect else {key: value for key, value in shaped.loose.items() if key != "Tags"},
        tags=tag_map(values["Tags"]) if "Tags" in values and not is_unknown(values["Tags"]) else None,
        is_aspect=how.is_aspect,
    )


def _is_name(key: str, type_: str) -> bool:
    """Whether a property gives a resource its name: `BucketName` of a bucket, `Name`."""
    noun = type_.rpartition("::")[2]
    return key in {"Name", f"{noun}Name", "DBInstanceIdentifier", "RoleName", "GroupName", "ManagedPolicyName"}


def _aspect_of(how: Shape, values: Document) -> str:
    found = values.get(how.uid.strip("{}"))
    return text(found) if not is_unknown(found) else ""


def _uid(type_: str, physical: str, known: Mapping[str, str]) -> str:
    template = ARNS.get(type_)
    if not physical or physical.startswith("arn:") or template is None:
        return physical
    if (not known["account"] or not known["region"]) and type_ != "AWS::S3::Bucket":
        return physical
    return template.format(id=physical, **known)


def _stack(body: Document, answers: list[Document]) -> tuple[Stack, str]:
    """What is known of the stack, and its id."""
    stacks = [each for answer in answers for each in objects(answer.get("Stacks"))]
    rows = [
        each
        for answer in answers
        for key in ("StackResources", "StackResourceSummaries")
        for each in objects(answer.get(key))
    ]
    stack_id = next((text(each.get("StackId")) for each in (*stacks, *rows) if each.get("StackId")), "")
    name = next((text(each.get("StackName")) for each in (*stacks, *rows) if each.get("StackName")), "")
    return Stack(
        parameters=dict(_parameters(body, stacks)),
        physical={text(row.get("LogicalResourceId")): text(row.get("PhysicalResourceId")) for row in rows
                  if row.get("PhysicalResourceId")},
        pseudo=_pseudo(stack_id, name),
        mappings=_objects_of(body, "Mappings"),
        conditions=_objects_of(body, "Conditions"),
    ), stack_id  # fmt: skip


def _objects_of(body: Document, key: str) -> Document:
    found = body.get(key)
    return found if isinstance(found, dict) else {}


def _parameters(body: Document, stacks: list[Document]) -> Iterator[tuple[str, Json]]:
    declared = _objects_of(body, "Parameters")
    given = {
        text(each.get("ParameterKey")): each.get("ResolvedValue") or each.get("ParameterValue")
        for stack in stacks
        for each in objects(stack.get("Parameters"))
    }
    for name, row in declared.items():
        kind = text(row.get("Type")) if isinstance(row, dict) else ""
        default = row.get("Default") if isinstance(row, dict) else None
        value = given.get(name, default)
        if name not in given and default is None:
            continue
        if isinstance(value, str) and (kind.startswith("List<") or kind == "CommaDelimitedList"):
            value = list[Json](part.strip() for part in value.split(","))
        if not kind.startswith("AWS::SSM::") or name in given:
            yield name, value


def _pseudo(stack_id: str, name: str) -> dict[str, str]:
    if not stack_id:
        return {"AWS::StackName": name} if name else {}
    partition = stack_id.split(":")[1]
    return {
        "AWS::AccountId": account_of(stack_id),
        "AWS::Region": region_of(stack_id),
        "AWS::Partition": partition,
        "AWS::StackId": stack_id,
        "AWS::StackName": name or stack_id.split("/")[1],
        "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
    }
