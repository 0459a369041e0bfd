"""RFC 8785: documents with their canonical form, and numbers with theirs.

The vectors are about writing. A document is read with the product's strict reader; where that refuses by design what
JSON allows (repeated keys, whole numbers beyond 2^53), it is read as a browser reads it, and what the product writes of
that is compared.

Source: github.com/cyberphone/json-canonicalization, ``testdata``.
"""

from __future__ import annotations

import json
import re
import struct
from functools import partial
from itertools import islice
from typing import Any, Final

from chain.canonical import encode
from chain.conformance.json_case import Case, Fields, Shape
from chain.conformance.outcome import Report, Tally, attempt
from chain.conformance.source import FILE_SIZE_BYTES_MAX, Corpus, Source
from chain.strict_json import INTEGER_MAX, parse
from domain.errors import InputError

DOCUMENTS: Final = "canonical JSON documents"
NUMBERS: Final = "canonical JSON numbers"

_INPUTS: Final = {"input", "inputs", "in"}
_OUTPUTS: Final = {"output", "outputs", "out", "expected", "canonical"}
_HEX_OUTPUTS: Final = {"outhex", "hex"}
_NUMBER_LINE: Final = re.compile(r"([0-9a-fA-F]{1,16}),(-?[0-9][0-9.e+-]*|NaN|-?Infinity|null)")
_HEAD_LINES: Final = 16
_WIDE_DIGITS: Final = 13
_EXPECTED_FIELDS: Final = ("canonical", "jcs")


def run_documents(corpus: Corpus, report: Report) -> None:
    """Run folders that hold inputs and outputs of the same names."""
    for source in corpus:
        parent, _, kind = source.folder.rpartition("/")
        if kind.lower() not in _INPUTS or source.is_documentation:
            continue
        prefix = f"{parent}/" if parent else ""
        siblings = _outputs(corpus, prefix, source)
        if siblings:
            corpus.take(source, *(other for other, _ in siblings))
            for other, is_hex in siblings:
                _judge_document(source, other, is_hex=is_hex, report=report)


def _outputs(corpus: Corpus, prefix: str, source: Source) -> list[tuple[Source, bool]]:
    stem = source.base.rpartition(".")[0] or source.base
    return [
        (other, name in _HEX_OUTPUTS)
        for name in sorted(_OUTPUTS | _HEX_OUTPUTS)
        for other in corpus.folder(f"{prefix}{name}")
        if (other.base.rpartition(".")[0] or other.base) == stem
    ]


def _judge_document(source: Source, other: Source, *, is_hex: bool, report: Report) -> None:
    tally = report.tally(DOCUMENTS)
    try:
        expected = bytes.fromhex(other.text()) if is_hex else other.read()
        data = source.read()
    except (InputError, ValueError) as error:
        report.unreadable[other.name] = str(error)
        return
    _judge(tally, source.name, other.name, data, expected)


def _judge(tally: Tally, file: str, case: str, data: bytes, expected: bytes) -> None:
    value, fault = attempt(partial(parse, data, size_bytes_max=FILE_SIZE_BYTES_MAX))
    if fault:
        read, _ = attempt(partial(_read_leniently, data))
        value = read[0] if read is not None else None
        if read is not None:
            tally.remarks[f"strict reader refuses by design, writing compared alone: {fault[:90]}"] += 1
    written, write_fault = attempt(partial(encode, value))
    is_read = not fault or read is not None
    got = written if is_read and not write_fault else (write_fault if is_read else fault)
    tally.judge(file, case, expected=expected, got=got)


def _read_leniently(data: bytes) -> tuple[Any]:
    """A document as ECMAScript reads it: last of repeated keys, numbers as doubles; in a tuple, for it may be null."""
    return (json.loads(data.decode("utf-8"), parse_int=_as_double),)


def _as_double(digits: str) -> int | float:
    value = int(digits)
    return value if -INTEGER_MAX <= value <= INTEGER_MAX else float(value)


def run_numbers(corpus: Corpus, report: Report) -> None:
    """Run files with a number's bits and its text in every line."""
    for source in corpus:
        head = [line for line in islice(source.lines(), _HEAD_LINES) if line]
        is_wide = any(len(line.partition(",")[0]) >= _WIDE_DIGITS for line in head)
        if is_wide and all(_NUMBER_LINE.fullmatch(line) for line in head):
            corpus.take(source)
            _judge_numbers(source, report)


def _judge_numbers(source: Source, report: Report) -> None:
    tally = report.tally(NUMBERS)
    for at, line in enumerate(source.lines(), start=1):
        matched = _NUMBER_LINE.fullmatch(line)
        if matched is None:
            if line:
                report.unreadable[source.name] = f"line {at} is no number with its text: {ascii(line)[:80]}"
                return
            continue
        bits, expected = matched.groups()
        (value,) = struct.unpack(">d", bytes.fromhex(bits.zfill(16)))
        written, fault = attempt(partial(encode, value))
        if expected in {"NaN", "Infinity", "-Infinity", "null"}:
            tally.judge(source.name, bits, expected="refused", got="refused" if fault else written)
        else:
            tally.judge(source.name, bits, expected=expected, got=fault or (written or b"").decode("ascii"))


def _is_document_case(fields: Fields) -> bool:
    return isinstance(fields.get("input"), str) and any(isinstance(fields.get(key), str) for key in _EXPECTED_FIELDS)


def _judge_document_case(case: Case, tally: Tally) -> None:
    expected = next(case.fields[key] for key in _EXPECTED_FIELDS if isinstance(case.fields.get(key), str))
    _judge(tally, case.source.name, case.name, case.fields["input"].encode("utf-8"), expected.encode("utf-8"))


SHAPES: Final = (Shape(DOCUMENTS, _is_document_case, _judge_document_case),)
