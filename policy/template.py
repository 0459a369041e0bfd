"""Template expressions compiled: functions checked, names resolved, constant parts folded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from domain.value import MISSING, UNREAD, Json, Value
from graph.path import Path
from policy import expression as syntax
from policy.functions import FUNCTIONS
from policy.interpret import CONTAINERS, evaluate_expression
from policy.names import Names, unbound_arrays
from policy.tree import Call, Collect, Expression, Literal, Lookup, Member, Read

ANY_TIME: Final = datetime(2000, 1, 1, tzinfo=UTC)
_NOT_REPRODUCED: Final = frozenset({"guid", "uniquestring"})
"""Hashes that Azure does not publish: they are known functions whose value is unknown here."""

_DEPLOYMENT_ONLY: Final = frozenset(
    {
        *(
            "copyindex",
            "deployment",
            "environment",
            "extensionresourceid",
            "filter",
            "lambda",
            "managementgroup",
            "map",
        ),
        *("newguid", "pickzones", "providers", "reduce", "reference", "resourceid", "sort", "subscriptionresourceid"),
        *("tenant", "tenantresourceid", "variables"),
    }
)
"""Template functions that Azure does not offer in a policy rule."""

_NOTHING: Final[Mapping[str, Value]] = {}


def compile_value(value: Json, names: Names, where: str) -> Expression:
    """A JSON value of a rule, with the expressions in it."""
    if isinstance(value, str):
        if not syntax.is_expression(value):
            return Literal(syntax.unescaped(value))
        return compile_syntax(syntax.parse_expression(value, where=where, origin=names.origin), names, where)
    if isinstance(value, list):
        return _call("createarray", [compile_value(element, names, where) for element in value])
    if isinstance(value, dict):
        parts = [
            part for key, element in value.items() for part in (Literal(key), compile_value(element, names, where))
        ]
        return _call("createobject", parts)
    return Literal(value)


def compile_syntax(node: syntax.Syntax, names: Names, where: str) -> Expression:
    """One node of an expression."""
    match node:
        case syntax.Text() | syntax.Number():
            return Literal(node.value)
        case syntax.Word():
            return _word(node.value, names, where)
        case syntax.Access():
            subject = compile_syntax(node.subject, names, where)
            return folded(Member(subject, compile_syntax(node.name, names, where)))
        case syntax.Invoke():
            arguments = [compile_syntax(argument, names, where) for argument in node.arguments]
            return _invoke(node.name, arguments, names, where)


def _word(word: str, names: Names, where: str) -> Expression:
    known: dict[str, Json] = {"true": True, "false": False, "null": None}
    if word.lower() not in known:
        raise names.invalid("bare name in an expression", where, got=word, expected="a function call or 'text'")
    return Literal(known[word.lower()])


def _invoke(name: str, arguments: list[Expression], names: Names, where: str) -> Expression:
    match name:
        case "parameters":
            return _parameter(_constant_text(name, arguments, names, where), names, where)
        case "field":
            return _field(arguments, names, where)
        case "current":
            return _current(arguments, names, where)
        case _:
            return _function(name, arguments, names, where)


def _field(arguments: list[Expression], names: Names, where: str) -> Expression:
    _require(len(arguments) == 1, "field", arguments, names, where)
    if arguments[0] == Literal(UNREAD):
        return arguments[0]
    tag = tag_of(arguments[0], f"{names.own}@tags")
    return tag or field_expression(_constant_text("field", arguments, names, where), names, where)


def tag_of(name: Expression, tags: str = "@tags") -> Expression | None:
    """The tag that ``concat('tags[', …, ']')`` or ``concat('tags.', …)`` names, where that hangs on the resource."""
    if not isinstance(name, Call) or name.name != "concat" or not isinstance(name.arguments[0], Literal):
        return None
    start = str(name.arguments[0].value)
    for opening, closing in (("tags['", "']"), ('tags["', '"]'), ("tags[", "]"), ("tags.", "")):
        last = name.arguments[-1]
        end = str(last.value) if isinstance(last, Literal) else ""
        if start.casefold().startswith(opening) and end.endswith(closing):
            inner = [Literal(start[len(opening) :]), *name.arguments[1:]]
            if closing:
                inner[-1] = Literal(end.removesuffix(closing))
            return Member(Read(tags), _call("concat", inner))
    return None


def _function(name: str, arguments: list[Expression], names: Names, where: str) -> Expression:
    match name:
        case "requestcontext":
            return _request(arguments, names, where)
        case "resourcegroup" | "subscription":
            return _container(name, arguments, names, where)
        case "policy":
            _require(not arguments, name, arguments, names, where)
            return Literal(names.context.get("policy", UNREAD))
        case _ if name in _NOT_REPRODUCED:
            return Literal(UNREAD)
        case "utcnow":
            _require(len(arguments) <= 1, name, arguments, names, where)
            return Call(name, tuple(arguments))
    function = FUNCTIONS.get(name)
    if function is None and (name in _DEPLOYMENT_ONLY or name.startswith("list")):
        raise names.unsupported("function is only for deployments", where, function=name)
    if function is None:
        raise names.invalid("no such function", where, got=name, expected="a template function")
    _require(function.least <= len(arguments) <= function.most, name, arguments, names, where)
    return _call(name, arguments)


def _require(is_right: bool, name: str, arguments: list[Expression], names: Names, where: str) -> None:
    if is_right:
        return
    function = FUNCTIONS.get(name)
    expected = f"{function.least} to {function.most}" if function else "another number"
    raise names.invalid(
        "wrong number of arguments", where, function=name, expected=f"{expected} arguments", got=len(arguments)
    )


def _constant_text(name: str, arguments: list[Expression], names: Names, where: str) -> str:
    _require(len(arguments) == 1, name, arguments, names, where)
    found = arguments[0]
    if not isinstance(found, Literal):
        raise names.unsupported(f"{name}() of a name that depends on the resource", where)
    if not isinstance(found.value, str):
        raise names.invalid(f"{name}() needs a name", where, expected="text", got=found.value)
    return found.value


def _parameter(name: str, names: Names, where: str) -> Expression:
    if name.casefold() not in names.parameters and names.is_open:
        return Literal(UNREAD)
    if name.casefold() not in names.parameters:
        raise names.invalid(
            "parameter is not declared",
            where,
            got=name,
            expected=sorted(names.parameters),
            todo="Declare it in parameters",
        )
    return Literal(UNREAD if name.casefold() in names.absent else names.parameters[name.casefold()])


def _current(arguments: list[Expression], names: Names, where: str) -> Expression:
    name = _constant_text("current", arguments, names, where) if arguments else ""
    if name.casefold() in names.current:
        return names.current[name.casefold()]
    if names.loops and "[*]" in name:
        path = names.field_path(name, where)
        if names.bound(path):
            return _below_current(path, names)
    raise names.invalid(
        "current() names nothing that is being counted", where, got=name, expected=sorted(names.current)
    )


def _below_current(path: Path, names: Names) -> Expression:
    """A path inside the element being counted; values below further arrays as a list."""
    arrays = unbound_arrays(path, names.bound(path))
    return _collected(path, arrays[0]) if arrays else Read(str(path))


def _collected(path: Path, start: int, mark: str = "") -> Collect:
    return Collect(f"{mark}{path.prefix(start)}", path.segments[start:])


def _request(arguments: list[Expression], names: Names, where: str) -> Expression:
    _require(not arguments, "requestcontext", arguments, names, where)
    if "requestContext" in names.context:
        return Literal(names.context["requestContext"])
    newest = Lookup(Read(f"{names.own}@type"), names.aliases.newest)
    return Call("createobject", (Literal("apiVersion"), newest))


def api_version(names: Names, where: str) -> Expression:
    """The API version of the request, or of the document where it says so, or the newest of its type."""
    requested = folded(Member(_request([], names, where), Literal("apiVersion")))
    if isinstance(requested, Literal) and requested.value is not MISSING:
        return requested
    return Call("coalesce", (Read("apiversion"), requested))


def _container(name: str, arguments: list[Expression], names: Names, where: str) -> Expression:
    """The resource group or subscription of a resource, as far as its id says; the rest was never asked for."""
    _require(not arguments, name, arguments, names, where)
    known = {key.lower(): value for key, value in names.context.items()}
    if name in known:
        return Literal(known[name])
    return Call(name, (Read(f"{names.own}@id"),))


def field_expression(name: str, names: Names, where: str) -> Expression:
    """``field('name')``: the value, or for an array path the list of all values below."""
    path = names.field_path(name, where)
    mark = names.marked(path)
    bound = names.bound(path)
    arrays = unbound_arrays(path, bound)
    if arrays:
        return _collected(path, arrays[0], mark)
    read = Read(f"{mark}{path}")
    return Call("createarray", (read,)) if bound else read


def _call(name: str, arguments: Iterable[Expression]) -> Expression:
    return folded(Call(name, tuple(arguments)))


def folded(expression: Expression) -> Expression:
    """An expression whose parts are all known, as its value; a known property of an object, as that part."""
    match expression:
        case Call(_, arguments) if all(isinstance(argument, Literal) for argument in arguments):
            return Literal(evaluate_expression(expression, _NOTHING.__getitem__, ANY_TIME))
        case Member(Call("resourcegroup" | "subscription" as container), Literal(str() as name)):
            return expression if name.casefold() in CONTAINERS[container] else Literal(UNREAD)
        case Member(Literal(), Literal()):
            return Literal(evaluate_expression(expression, _NOTHING.__getitem__, ANY_TIME))
        case Member(Call("createobject", parts), Literal(name)) if isinstance(name, str):
            for key, value in zip(parts[::2], parts[1::2], strict=True):
                if isinstance(key, Literal) and isinstance(key.value, str) and key.value.casefold() == name.casefold():
                    return value
            return Literal(MISSING)
        case _:
            return expression
