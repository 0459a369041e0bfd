"""From what callers send to bodies of entries: one piece of evidence, a list of them, or NDJSON, a line each.

A batch is all or nothing. What is wrong in a line is found for every line before anything is recorded, and the refusal
names the lines. Lines of the usual form are read, checked and written by columns, all at once; a batch with any other
line takes the way that explains what is wrong, line by line, and both give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import repeat
from operator import eq
from typing import Final, NamedTuple, cast

import orjson

from chain.canonical import encode_readable
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from chain.strict_json import parse
from domain.clock import format_instant, parse_instant
from domain.errors import ConflictError, InputError
from domain.evidence import PLATFORM_EVENTS, EventType
from domain.evidence_schema import CONTROLS, ID, RESULT, SCHEMAS, SUBJECT, require_body
from domain.schema import AnyObject, Choice, Items, Kind, Record, Text
from domain.value import Json

LINES_MAX: Final = 10_000
LINES_TOGETHER: Final = 256
ITEMS_MAX: Final = 1_000
CONTENT_BYTES_MAX: Final = 2 * ENTRY_SIZE_BYTES_MAX
FAULTS_MAX: Final = 20
CALLERS_TYPES: Final = frozenset(EventType) - PLATFORM_EVENTS

_CALLERS_FIELDS: Final[Mapping[str, Kind]] = {"id": ID, "subject": SUBJECT}
_BESIDE: Final[Mapping[str, Kind]] = {"controls": CONTROLS, "result": RESULT}
_FREE_FORM: Final = "details"
_LINE: Final = Record(
    _CALLERS_FIELDS,
    {**_BESIDE, "type": Choice(tuple(sorted(CALLERS_TYPES))), "body": AnyObject(), "occurred_at": Text(40)},
)
_EVENT: Final = Record(
    {"id": ID, "type": Choice(tuple(sorted(CALLERS_TYPES))), "body": AnyObject()}, {"occurred_at": Text(40)}
)
_BATCH: Final = Record({"items": Items(AnyObject(), ITEMS_MAX)}, {})
_IS_LINE: Final = _LINE.compile()
_IS_EVENT: Final = _EVENT.compile()
_IS_BATCH: Final = _BATCH.compile()


class Submission(NamedTuple):
    """One piece of evidence of a caller, checked. A tuple, because a batch makes ten thousand.

    Args:
        body: the entry's body in canonical form.
        at: when it happened, in the one spelling; None where the caller named no time, and then a repeat means the
            time of its first recording.
    """

    id: str
    request_id: str
    type: EventType
    body: bytes
    at: str | None


def submission_of(content: bytes, key: str | None) -> Submission:
    """One piece of evidence that came as JSON.

    Args:
        key: the caller's idempotency key.

    Raises:
        InputError: it is not as its type must be.
    """
    return _submission(_read(content), 0, key)


def submission_of_event(content: bytes, key: str | None) -> Submission:
    """An event whose whole body the caller wrote.

    Raises:
        InputError: the body is not as its type must be.
    """
    fields = _read(content)
    if not _IS_EVENT(cast("Json", fields)):
        raise _refusal(_EVENT, fields)
    kind, identity = _KINDS[cast("str", fields["type"])], cast("str", fields["id"])
    require_body(kind, fields["body"])
    at = cast("str | None", fields.get("occurred_at"))
    body = encode_readable(fields["body"])
    return Submission(identity, _request_id(identity, 0, key), kind, body, None if at is None else _spelled(at))


def submissions_of_json(content: bytes, key: str | None) -> list[Submission]:
    """Evidence that came as the items of one JSON object.

    Raises:
        InputError: there are no items or too many, or items are not evidence; these are named by number, from 0.
        ConflictError: two items have one id and differ.
    """
    value = parse(content, size_bytes_max=len(content))
    if not _IS_BATCH(value):
        raise _refusal(_BATCH, value)
    items = cast("list[dict[str, Json]]", cast("dict[str, Json]", value)["items"])
    if not items:
        raise InputError("the batch has no item", path="items", todo="Send at least one")
    return _all_or_none(
        "item", ((number, partial(_submission, item, number, key)) for number, item in enumerate(items))
    )


def submissions_of_lines(content: bytes, key: str | None) -> list[Submission]:
    """Evidence that came as NDJSON. Empty lines are passed over.

    Raises:
        InputError: there are no lines or too many, or lines are not evidence; these are named by number, from 1.
        ConflictError: two lines have one id and differ.
    """
    lines = content.split(b"\n")
    if len(lines) > LINES_MAX + 1:
        raise InputError("too many lines", got=len(lines), limit=LINES_MAX, status=413, todo="Send them in parts")
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line and not line.isspace()]
    if not numbered:
        raise InputError("the batch has no line", todo="Send one JSON object a line")
    usual = None if key is not None else _usual_lines([line for _, line in numbered])
    if usual is not None:
        return _distinct(usual)
    return _all_or_none(
        "line",
        ((number, partial(_submission_of_line, line, place, key)) for place, (number, line) in enumerate(numbered)),
    )


def _usual_lines(lines: Sequence[bytes]) -> list[Submission] | None:
    """All lines, where each is of the usual form; else nothing. In parts that the processor's cache holds."""
    found: list[Submission] = []
    for start in range(0, len(lines), LINES_TOGETHER):
        part = _usual_part(lines[start : start + LINES_TOGETHER])
        if part is None:
            return None
        found += part
    return found


def _usual_part(lines: Sequence[bytes]) -> list[Submission] | None:
    """Some lines at once, where each is of the usual form of one type and reads in one way only; else nothing.

    What the fast reader writes back byte for byte repeats no name and hides no half of a character, and the checks
    let no fraction and no number out of bounds pass.
    """
    if max(map(len, lines)) > CONTENT_BYTES_MAX:
        return None
    try:
        values = list(map(orjson.loads, lines))
    except ValueError:
        return None
    if set(map(type, values)) != {dict} or not all(map(eq, map(orjson.dumps, values), lines)):
        return None
    kinds = {kind if isinstance(kind := value.get("type"), str) else "" for value in values}
    usual = _USUAL_TOGETHER.get(kinds.pop()) if len(kinds) == 1 else None
    if usual is None or not usual(values):
        return None
    kind = _KINDS[values[0]["type"]]
    times = [value.get("occurred_at") for value in values]
    try:
        times = [None if at is None else _spelled(at) for at in times]
    except InputError:
        return None
    ids = [value["id"] for value in values]
    names = map("api/id/".__add__, ids)
    return list(map(Submission._make, zip(ids, names, repeat(kind), map(_usual_body, values), times)))


def _all_or_none(unit: str, asked: Iterable[tuple[int, Callable[[], Submission]]]) -> list[Submission]:
    """Everything, or a refusal that names each place that is wrong."""
    found: list[Submission] = []
    faults: list[tuple[int, InputError]] = []
    for number, make in asked:
        try:
            found.append(make())
        except InputError as error:
            faults.append((number, error))
    if faults:
        rows = [{unit: number, **_fault(error)} for number, error in faults[:FAULTS_MAX]]
        raise InputError(
            f"some {unit}s are not evidence, so none was recorded",
            **{f"{unit}s": rows},
            faulty=len(faults),
            todo=f"Mend these {unit}s and send the batch again",
        )
    return _distinct(found)


def _submission_of_line(line: bytes, place: int, key: str | None) -> Submission:
    return _submission(_read(line.rstrip(b"\r")), place, key)


def _submission(fields: dict[str, Json], place: int, key: str | None) -> Submission:
    kind_named = fields.get("type")
    usual = _USUAL.get(kind_named) if isinstance(kind_named, str) else None
    if usual is not None and usual(cast("Json", fields)):
        kind, content = _KINDS[cast("str", fields["type"])], _usual_body(fields)
    else:
        fields = {name: value for name, value in fields.items() if value is not None}
        kind, content = _other(fields)
    identity, at = cast("str", fields["id"]), cast("str | None", fields.get("occurred_at"))
    return Submission(identity, _request_id(identity, place, key), kind, content, None if at is None else _spelled(at))


def _usual_body(fields: Mapping[str, Json]) -> bytes:
    """The body of a line that is canonical as it is: ASCII names, no fractions, whole numbers within bounds."""
    body = cast("dict[str, Json]", fields["body"])
    body["id"], body["subject"] = fields["id"], fields["subject"]
    for name in _BESIDE:
        if name in fields:
            body[name] = fields[name]
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)


def _other(fields: Mapping[str, Json]) -> tuple[EventType, bytes]:
    """Anything else, checked step by step."""
    if not _IS_LINE(cast("Json", fields)):
        raise _refusal(_LINE, cast("Json", fields))
    kind = _KINDS[cast("str", fields.get("type", EventType.EVIDENCE_COLLECTED.value))]
    own = {name: value for name, value in fields.items() if name not in {"type", "occurred_at"}}
    return kind, _entry_body(kind, own, "body")


def _read(content: bytes) -> dict[str, Json]:
    """An object. What the fast reader writes back byte for byte has one meaning; the rest is read strictly.

    Raises:
        InputError: not JSON of one meaning, or no object.
    """
    if len(content) > CONTENT_BYTES_MAX:
        raise InputError("too long", size_bytes=len(content), size_bytes_max=CONTENT_BYTES_MAX)
    try:
        value = orjson.loads(content)
        is_plain = orjson.dumps(value) == content
    except ValueError:
        is_plain = False
    if not is_plain:
        value = parse(content, size_bytes_max=CONTENT_BYTES_MAX)
    if type(value) is not dict:
        raise _refusal(_LINE, value)
    return value


def _entry_body(kind: EventType, fields: Mapping[str, Json], where: str) -> bytes:
    """What the entry says: a free body stands under its own name, a typed one beside the caller's fields."""
    body: dict[str, Json]
    if kind is EventType.EVIDENCE_COLLECTED:
        body = {"body": {}, **fields}
    else:
        own = cast("dict[str, Json]", fields.get("body") or {})
        body = {name: value for name, value in fields.items() if name != "body"}
        if twice := sorted(own.keys() & body.keys()):
            raise InputError(
                "a field stands in the body and beside it", path=f"{where}.{twice[0]}", todo="Write it once"
            )
        body.update(own)
    require_body(kind, body, where=where)
    return encode_readable(body)


def _distinct(found: list[Submission]) -> list[Submission]:
    """Refuse one id with two contents; with one content it is one piece of evidence."""
    first: dict[str, Submission] = {}
    for submission in found:
        known = first.setdefault(submission.request_id, submission)
        if known is not submission and known != submission:
            raise ConflictError(
                "two pieces of evidence of the batch have one id and differ",
                id=submission.id,
                todo="Give every piece of evidence an id of its own",
            )
    return found


def _request_id(identity: str, place: int, key: str | None) -> str:
    return f"api/id/{identity}" if key is None else f"api/key/{key}/{place}"


@lru_cache(maxsize=4_096)
def _spelled(at: str) -> str:
    """A time in the one spelling; batches repeat their times."""
    return format_instant(parse_instant(at))


def _usual_line(kind: EventType) -> Record | None:
    """Check of a line of one type whose body says only what its type alone has, and nothing of free form."""
    schema = SCHEMAS[kind]
    if not isinstance(schema, Record):
        return None
    beside = {**_CALLERS_FIELDS, **_BESIDE, _FREE_FORM: AnyObject()}
    body = Record(
        {name: each for name, each in schema.required.items() if name not in beside},
        {name: each for name, each in schema.optional.items() if name not in beside},
    )
    return Record(
        {**_CALLERS_FIELDS, "type": Choice((kind.value,)), "body": body}, {**_BESIDE, "occurred_at": Text(40)}
    )


def _refusal(kind: Record, value: Json) -> InputError:
    fault = next(kind.faults(value, ""))
    return InputError(
        "not a piece of evidence",
        path=fault.path,
        expected=fault.expected,
        got=fault.got,
        todo="Compare it with /api/v2/openapi.json",
    )


def _fault(error: InputError) -> dict[str, Json]:
    facts = error.facts
    path = facts.get("path") or facts.get("key") or ""
    return {
        "path": str(path),
        "problem": error.summary,
        "expected": str(facts.get("expected", "")),
        "got": str(facts.get("got") or facts.get("reason") or ""),
    }


_KINDS: Final = {kind.value: kind for kind in CALLERS_TYPES}
_USUAL_LINES: Final = {kind.value: line for kind in CALLERS_TYPES if (line := _usual_line(kind)) is not None}
_USUAL: Final = {name: line.compile() for name, line in _USUAL_LINES.items()}
_USUAL_TOGETHER: Final = {name: line.compile_all() for name, line in _USUAL_LINES.items()}
