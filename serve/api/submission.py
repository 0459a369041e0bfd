"""From what callers send to bodies of entries: one piece of evidence, a list of them, or NDJSON, a line each.

A batch is all or nothing. What is wrong in a line is found for every line before anything is recorded, and the refusal
names the lines. A line of the usual form is checked and written in one go; anything else takes the way that explains
what is wrong, and both give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final, NamedTuple, cast

import orjson

from chain.canonical import encode_readable
from chain.envelope import ENTRY_SIZE_BYTES_MAX
from chain.strict_json import parse
from domain.clock import format_instant, parse_instant
from domain.errors import ConflictError, InputError
from domain.evidence import PLATFORM_EVENTS, EventType
from domain.evidence_schema import CONTROLS, ID, RESULT, SCHEMAS, SUBJECT, require_body
from domain.schema import AnyObject, Check, Choice, Kind, Record, Text
from domain.value import Json
from serve.api.evidence_models import CollectBody, EventBody

LINES_MAX: Final = 10_000
LINE_BYTES_MAX: Final = 2 * ENTRY_SIZE_BYTES_MAX
FAULTY_LINES_MAX: Final = 20
CALLERS_TYPES: Final = frozenset(EventType) - PLATFORM_EVENTS

_CALLERS_FIELDS: Final[Mapping[str, Kind]] = {"id": ID, "subject": SUBJECT}
_BESIDE: Final[Mapping[str, Kind]] = {"controls": CONTROLS, "result": RESULT}
_FREE_FORM: Final = "details"
_LINE: Final = Record(
    _CALLERS_FIELDS,
    {**_BESIDE, "type": Choice(tuple(sorted(CALLERS_TYPES))), "body": AnyObject(), "occurred_at": Text(40)},
)
_IS_LINE: Final = _LINE.compile()


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


def submissions_of(bodies: Sequence[CollectBody], key: str | None) -> list[Submission]:
    """Evidence that came as JSON.

    Args:
        key: the caller's idempotency key.

    Raises:
        InputError: a body is not as its type must be.
        ConflictError: two have one id and differ.
    """
    found = []
    for place, body in enumerate(bodies):
        fields = body.model_dump(include={"id", "subject", "body", "controls", "result"}, exclude_none=True)
        where = "body" if len(bodies) == 1 else f"items[{place}].body"
        content = _entry_body(body.type, fields, where)
        found.append(Submission(body.id, _request_id(body.id, place, key), body.type, content, _text(body.occurred_at)))
    return _distinct(found)


def submission_of_event(body: EventBody, key: str | None) -> Submission:
    """An event whose whole body the caller wrote.

    Raises:
        InputError: the body is not as its type must be.
    """
    require_body(body.type, body.body)
    content = encode_readable(body.body)
    return Submission(body.id, _request_id(body.id, 0, key), body.type, content, _text(body.occurred_at))


def submissions_of_lines(content: bytes, key: str | None) -> list[Submission]:
    """Evidence that came as NDJSON. Empty lines are passed over.

    Raises:
        InputError: there are no lines or too many, or lines are not evidence; these are named by number.
        ConflictError: two lines have one id and differ.
    """
    lines = content.split(b"\n")
    if len(lines) > LINES_MAX + 1:
        raise InputError("too many lines", got=len(lines), limit=LINES_MAX, status=413, todo="Send them in parts")
    found: list[Submission] = []
    faults: list[tuple[int, InputError]] = []
    for number, line in enumerate(lines, start=1):
        if line and not line.isspace():
            try:
                found.append(_submission_of_line(line.rstrip(b"\r"), len(found), key))
            except InputError as error:
                faults.append((number, error))
    if faults:
        raise InputError(
            "some lines are not evidence, so none was recorded",
            lines=[_fault(number, error) for number, error in faults[:FAULTY_LINES_MAX]],
            faulty=len(faults),
            todo="Mend these lines and send the batch again",
        )
    if not found:
        raise InputError("the batch has no line", todo="Send one JSON object a line")
    return _distinct(found)


def _submission_of_line(line: bytes, place: int, key: str | None) -> Submission:
    fields = _read_line(line)
    at = cast("str | None", fields.get("occurred_at"))
    name, identity = fields.get("type"), cast("str", fields["id"])
    usual = _USUAL.get(cast("str", name))
    if usual is not None and usual(fields):
        kind, content = _KINDS[cast("str", name)], _usual_body(fields)
    else:
        kind, content = _other(fields)
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
    """Any other line, checked step by step."""
    if not _IS_LINE(cast("Json", fields)):
        fault = next(_LINE.faults(cast("Json", fields), ""))
        raise InputError("not a piece of evidence", path=fault.path, expected=fault.expected, got=fault.got)
    kind = _KINDS[cast("str", fields.get("type", EventType.EVIDENCE_COLLECTED.value))]
    own = {name: value for name, value in fields.items() if name not in {"type", "occurred_at"}}
    return kind, _entry_body(kind, own, "body")


def _read_line(line: bytes) -> dict[str, Json]:
    """An object. What the fast reader writes back byte for byte has one meaning; the rest is read strictly.

    Raises:
        InputError: not JSON of one meaning, or no object with an id.
    """
    if len(line) > LINE_BYTES_MAX:
        raise InputError("the line is too long", size_bytes=len(line), size_bytes_max=LINE_BYTES_MAX)
    try:
        value = orjson.loads(line)
        is_plain = orjson.dumps(value) == line
    except ValueError:
        is_plain = False
    if not is_plain:
        value = parse(line, size_bytes_max=LINE_BYTES_MAX)
    if type(value) is not dict or type(value.get("id")) is not str:
        raise InputError("not a piece of evidence", path="id", expected=ID.expected(), got="nothing")
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


def _text(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


@lru_cache(maxsize=4_096)
def _spelled(at: str) -> str:
    """A time in the one spelling; batches repeat their times."""
    return format_instant(parse_instant(at))


def _usual_line(kind: EventType) -> Check | None:
    """Check of a line of one type whose body says only what its type alone has, and nothing of free form."""
    schema = SCHEMAS[kind]
    if not isinstance(schema, Record):
        return None
    beside = {**_CALLERS_FIELDS, **_BESIDE, _FREE_FORM: AnyObject()}
    body = Record(
        {name: each for name, each in schema.required.items() if name not in beside},
        {name: each for name, each in schema.optional.items() if name not in beside},
    )
    line = Record(
        {**_CALLERS_FIELDS, "type": Choice((kind.value,)), "body": body}, {**_BESIDE, "occurred_at": Text(40)}
    )
    return line.compile()


def _fault(number: int, error: InputError) -> Json:
    facts = error.facts
    path = facts.get("path") or facts.get("key") or ""
    return {
        "line": number,
        "path": str(path),
        "problem": error.summary,
        "expected": str(facts.get("expected", "")),
        "got": str(facts.get("got") or facts.get("reason") or ""),
    }


_KINDS: Final = {kind.value: kind for kind in CALLERS_TYPES}
_USUAL: Final = {kind.value: check for kind in CALLERS_TYPES if (check := _usual_line(kind)) is not None}
