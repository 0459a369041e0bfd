"""From bytes to records: one per line, per element of an array, or the document itself. A broken one is lost alone."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import orjson

from connectors.files.decode import DOCUMENT_BYTES_MAX, LINE_BYTES_MAX, Line, lines
from domain.value import Json

_BLANK = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_SNIFF_BYTES = 1 << 16


@dataclass(slots=True)
class Record:
    """One record: its value, or why there is none."""

    line: int
    value: Json
    problem: str = ""


def sniff(head: bytes) -> str:
    """What a file's first bytes say it is: ``json``, ``parquet``, ``binary``, ``table``, ``text`` or ``empty``."""
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "json"
    start = head[:_SNIFF_BYTES].removeprefix(_BOM).lstrip(_BLANK)
    if b"\0" in head[:_SNIFF_BYTES] or not _is_text(start):
        return "binary"
    return _kind_of_text(start) if start else "empty"


def _is_text(start: bytes) -> bool:
    """Whether bytes are UTF-8; the last character may be cut off."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return start[:1] in {b"{", b"["}
    return True


def _kind_of_text(start: bytes) -> str:
    if start[:1] == b"{" or re.match(rb"\[\s*[\[{\"\]]", start):
        return "json"
    first = start.partition(b"\n")[0]
    has_columns = any(mark in first for mark in (b",", b";", b"\t"))
    return "table" if has_columns and not first.startswith((b"#", b"<", b"//")) else "text"


def in_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same text as UTF-8 without a byte-order mark; exports made by redirection on Windows are UTF-16."""
    first = next(chunks, b"")
    if not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield first.removeprefix(_BOM)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
    for chunk in chain([first], chunks):
        yield decoder.decode(chunk).encode(errors="replace")


def json_records(chunks: Iterator[bytes]) -> Iterator[Record]:
    """Records of a JSON or NDJSON file."""
    rest = lines(in_utf8(chunks))
    first = next(rest, None)
    if first is None:
        return
    second = next(rest, None)
    if second is None:
        yield from _document(first)
    elif _parses(first) or _parses(second) or first.content is None:
        yield from (_record(line) for line in chain([first, second], rest))
    else:
        yield from _spread(chain([first, second], rest))


def _parses(line: Line) -> bool:
    return line.content is not None and line.content.strip() not in {b"[", b"{"} and not _record(line).problem


def _record(line: Line) -> Record:
    content = line.content
    if content is None:
        return Record(line.number, None, f"a line over {LINE_BYTES_MAX >> 20} MiB")
    try:
        return Record(line.number, orjson.loads(content))
    except orjson.JSONDecodeError as error:
        return Record(line.number, None, f"not valid JSON: {_reason(error)}")


def _reason(error: orjson.JSONDecodeError) -> str:
    """The parser's reason, without what it read."""
    return re.sub(r"['\"`].*['\"`]", "…", error.msg)


def _document(line: Line) -> Iterator[Record]:
    """A file of one line: an array's elements are records."""
    record = _record(line)
    if record.problem and line.content is not None:
        yield from _salvaged(line.content, record.problem)
    else:
        yield from _elements(record)


def _elements(record: Record) -> Iterator[Record]:
    if isinstance(record.value, list):
        yield from (Record(number, value) for number, value in enumerate(record.value, 1))
    else:
        yield record


def _spread(rest: Iterator[Line]) -> Iterator[Record]:
    """One document over many lines."""
    held, size = [], 0
    for line in rest:
        if line.content is None:
            yield Record(line.number, None, f"a line over {LINE_BYTES_MAX >> 20} MiB")
            return
        size += len(line.content) + 1
        if size > DOCUMENT_BYTES_MAX:
            yield Record(0, None, f"one document over {DOCUMENT_BYTES_MAX >> 20} MiB: write one object a line instead")
            return
        held.append(line.content)
    content = b"\n".join(held)
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        yield from _salvaged(content, f"not valid JSON: {_reason(error)}")
    else:
        del content, held
        yield from _elements(Record(1, value))


def _salvaged(content: bytes, problem: str) -> Iterator[Record]:
    """What can be read of a document that is broken or cut off: the values before the break."""
    text = content.decode(errors="replace")
    decoder = json.JSONDecoder()
    opening = re.match(r"\s*\[?", text)
    position, number = opening.end() if opening else 0, 0
    while position < len(text):
        gap = re.compile(r"[\s,]*").match(text, position)
        position = gap.end() if gap else position
        if position >= len(text) or text[position] == "]":
            break
        try:
            value, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError):
            break
        number += 1
        yield Record(number, value)
    yield Record(number + 1, None, problem)
