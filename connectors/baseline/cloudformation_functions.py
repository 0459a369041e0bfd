"""CloudFormation's intrinsic functions, resolved by what is known of a stack.

What only the provider knows, such as most attributes of a resource, is unknown, and so is whatever is made of it.
Source: AWS CloudFormation intrinsic function reference, https://docs.aws.amazon.com.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from connectors.baseline.shape import listed
from connectors.baseline.unknown import UNKNOWN, is_unknown
from connectors.observation import Document, text
from domain.value import Json

NO_VALUE: Final = "\0no value"
_DEPTH_MAX: Final = 60
_VARIABLE: Final = re.compile(r"\$\{(!?)([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Stack:
    """What is known of a stack when its template is read.

    Args:
        parameters: values by name, defaults among them.
        physical: the provider's id of each resource, by logical id.
        pseudo: `AWS::Region` and the like.
    """

    parameters: Mapping[str, Json] = field(default_factory=dict)
    physical: Mapping[str, str] = field(default_factory=dict)
    pseudo: Mapping[str, str] = field(default_factory=dict)
    mappings: Mapping[str, Json] = field(default_factory=dict)
    conditions: Mapping[str, Json] = field(default_factory=dict)

    def resolve(self, value: Json, depth: int = 0) -> Json:
        """A value of the template with its functions carried out."""
        if depth > _DEPTH_MAX:
            return UNKNOWN
        if isinstance(value, list):
            found = (self.resolve(each, depth + 1) for each in value)
            return [each for each in found if each != NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, argument = next(iter(value.items()))
            function = _FUNCTIONS.get(name)
            if function is not None:
                return function(self, argument, depth + 1)
            if name.startswith("Fn::"):
                return UNKNOWN
        resolved = {key: self.resolve(each, depth + 1) for key, each in value.items()}
        return {key: each for key, each in resolved.items() if each != NO_VALUE}

    def holds(self, name: str, depth: int = 0) -> bool | None:
        """Whether a condition is true; None where that is unknown."""
        if name not in self.conditions or depth > _DEPTH_MAX:
            return None
        found = self.resolve(self.conditions[name], depth + 1)
        return found if isinstance(found, bool) else None


def _ref(stack: Stack, argument: Json, depth: int) -> Json:
    del depth
    name = text(argument)
    if name == "AWS::NoValue":
        return NO_VALUE
    for known in (stack.parameters, stack.physical, stack.pseudo):
        if name in known:
            return known[name]
    return UNKNOWN


def _get_att(stack: Stack, argument: Json, depth: int) -> Json:
    del depth
    parts = [text(each) for each in argument] if isinstance(argument, list) else text(argument).split(".", 1)
    physical = stack.physical.get(parts[0], "")
    if len(parts) == 2 and parts[1] == "Arn" and physical.startswith("arn:"):
        return physical
    if len(parts) == 2 and parts[1] in {"GroupId", "VpcId", "Id", "KeyId"} and physical:
        return physical
    return UNKNOWN


def _sub(stack: Stack, argument: Json, depth: int) -> Json:
    pattern, given = (argument, {}) if isinstance(argument, str) else (*listed(argument), {}, {})[:2]
    own = {key: stack.resolve(each, depth) for key, each in given.items()} if isinstance(given, dict) else {}
    unknown = False

    def value(found: re.Match[str]) -> str:
        nonlocal unknown
        if found[1]:
            return "${" + found[2] + "}"
        name = found[2].strip()
        here = own.get(name) if name in own else (_get_att if "." in name else _ref)(stack, name, depth)
        unknown = unknown or is_unknown(here) or isinstance(here, dict | list)
        return str(here)

    made = _VARIABLE.sub(value, text(pattern))
    return UNKNOWN if unknown else made


def _join(stack: Stack, argument: Json, depth: int) -> Json:
    glue, parts = (*listed(argument), "", [])[:2]
    found = stack.resolve(parts, depth)
    if not isinstance(found, list) or is_unknown(found):
        return UNKNOWN
    return text(glue).join(str(each) for each in found)


def _select(stack: Stack, argument: Json, depth: int) -> Json:
    found = stack.resolve(argument, depth)
    if not isinstance(found, list) or len(found) != 2 or not isinstance(found[1], list) or is_unknown(found[0]):
        return UNKNOWN
    at = int(str(found[0])) if str(found[0]).isdigit() else -1
    return found[1][at] if 0 <= at < len(found[1]) else UNKNOWN


def _split(stack: Stack, argument: Json, depth: int) -> Json:
    found = stack.resolve(argument, depth)
    if not isinstance(found, list) or len(found) != 2 or is_unknown(found):
        return UNKNOWN
    return list[Json](text(found[1]).split(text(found[0]) or ","))


def _if(stack: Stack, argument: Json, depth: int) -> Json:
    name, yes, no = (*listed(argument), "", None, None)[:3]
    holds = stack.holds(text(name), depth)
    return UNKNOWN if holds is None else stack.resolve(yes if holds else no, depth)


def _find_in_map(stack: Stack, argument: Json, depth: int) -> Json:
    found = stack.resolve(argument, depth)
    if not isinstance(found, list) or len(found) < 3 or is_unknown(found):
        return UNKNOWN
    node: Json = dict(stack.mappings)
    for key in found[:3]:
        node = node.get(str(key), UNKNOWN) if isinstance(node, dict) else UNKNOWN
    return node


def _base64(stack: Stack, argument: Json, depth: int) -> Json:
    found = stack.resolve(argument, depth)
    return base64.b64encode(found.encode()).decode() if isinstance(found, str) and not is_unknown(found) else UNKNOWN


def _equals(stack: Stack, argument: Json, depth: int) -> Json:
    found = stack.resolve(argument, depth)
    if not isinstance(found, list) or len(found) != 2 or is_unknown(found):
        return UNKNOWN
    return str(found[0]) == str(found[1])


def _not(stack: Stack, argument: Json, depth: int) -> Json:
    found = stack.resolve((*listed(argument), None)[0], depth)
    return not found if isinstance(found, bool) else UNKNOWN


def _all(stack: Stack, argument: Json, depth: int) -> Json:
    found = [stack.resolve(each, depth) for each in listed(argument)]
    if False in found:
        return False
    return UNKNOWN if is_unknown(found) else True


def _any(stack: Stack, argument: Json, depth: int) -> Json:
    found = [stack.resolve(each, depth) for each in listed(argument)]
    if True in found:
        return True
    return UNKNOWN if is_unknown(found) else False


def _condition(stack: Stack, argument: Json, depth: int) -> Json:
    holds = stack.holds(text(argument), depth)
    return UNKNOWN if holds is None else holds


_FUNCTIONS: Final[Mapping[str, Callable[[Stack, Json, int], Json]]] = {
    "Ref": _ref,
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::Equals": _equals,
    "Fn::Not": _not,
    "Fn::And": _all,
    "Fn::Or": _any,
    "Condition": _condition,
}


def short_form(tag: str, value: Json) -> Document:
    """What a YAML tag such as `!Sub` stands for."""
    name = tag.removeprefix("!")
    key = name if name in {"Ref", "Condition"} else f"Fn::{name}"
    if key == "Fn::GetAtt" and isinstance(value, str):
        return {key: list[Json](value.split(".", 1))}
    return {key: value}
