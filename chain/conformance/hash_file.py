"""Digests of messages in the files of NIST's CAVP (``.rsp``) and of the Keccak team's KAT: short, long and chained.

The functions are those by whose names the trees' hashes are made. Bit-oriented messages, functions with an output of
any length, and Keccak with the padding of before the standard are named and not compared.

Source: NIST SHAVS and SHA3VS, "Monte Carlo test"; FIPS 180-4, FIPS 202.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from chain.conformance.json_case import number
from chain.conformance.outcome import Report, Tally
from chain.conformance.source import Corpus, Source
from domain.errors import InputError

FAMILY: Final = "hash functions"

_FIELD: Final = re.compile(
    r"\s*\[?\s*(Len|Msg|MD|Seed|COUNT|L|Repeat|Text|Output|Squeezed|Outputlen)\s*=\s*([^\]]*?)\s*\]?\s*"
)
_MESSAGE_FIELDS: Final = {"Msg", "Seed", "Text"}
_DIGEST_FIELDS: Final = {"MD", "Output", "Squeezed"}
_NAME: Final = re.compile(
    r"(SHA3|SHAKE|SHA|Keccak|MD|SM|BLAKE2|RIPEMD)[-_ ]?(\d{3}|[1-5])?(?:[-_/](\d{3}))?(?!\d)", re.IGNORECASE
)
_FUNCTIONS: Final = {
    "sha1": "sha1",
    "sha224": "sha224",
    "sha256": "sha256",
    "sha384": "sha384",
    "sha512": "sha512",
    "sha512/224": "sha512_224",
    "sha512/256": "sha512_256",
    "sha3/224": "sha3_224",
    "sha3/256": "sha3_256",
    "sha3/384": "sha3_384",
    "sha3/512": "sha3_512",
}
_HEAD_LINES: Final = 200
_CHAIN_LENGTH: Final = 1000
_PIECE_BYTES: Final = 1024 * 1024
_REPEATED_BYTES_MAX: Final = 4 * 1024**3
_LENGTH_BITS_MAX: Final = 2**32


def run_hash_files(corpus: Corpus, report: Report) -> None:
    """Run every such file of the folder."""
    for source in corpus:
        fields = _head_fields(source)
        if fields & _DIGEST_FIELDS and fields & _MESSAGE_FIELDS:
            corpus.take(source)
            try:
                _run(source, report.tally(FAMILY))
            except InputError as error:
                report.unreadable[source.name] = str(error)


def _head_fields(source: Source) -> set[str]:
    if not re.search(rb"(Msg|Seed|Text)\s*=", source.head(65_536)):
        return set()
    found = (_FIELD.fullmatch(line) for line in islice(source.lines(), _HEAD_LINES))
    return {matched.group(1) for matched in found if matched is not None}


def _run(source: Source, tally: Tally) -> None:
    function = _function(source)
    if function not in _FUNCTIONS.values():
        tally.not_applicable[f"{function} is not used"] += sum(key in _DIGEST_FIELDS for key, _ in _fields(source))
        return
    record: dict[str, str] = {}
    chained: bytes | None = None
    count = 0
    for key, value in _fields(source):
        record[key] = value
        if key == "Seed":
            chained, count = _bytes(value, "Seed"), 0
        elif key == "MD" and "?" in value:
            tally.not_applicable["digest is left open"] += 1
        elif key == "MD" and chained is not None:
            chained = _after_chain(function, chained)
            tally.judge(source.name, f"COUNT = {count}", expected=value.lower(), got=chained.hex())
            count += 1
        elif key == "MD":
            _judge(source, tally, function, record)
            record = {}


def _judge(source: Source, tally: Tally, function: str, record: dict[str, str]) -> None:
    expected = record["MD"].lower()
    if "Repeat" in record:
        text = record.get("Text", "").encode("utf-8")
        times = _count(record["Repeat"], "Repeat", maximum=_REPEATED_BYTES_MAX // max(1, len(text)))
        label = f"Repeat = {times}"
        got = _repeated(function, text, times)
    else:
        length_bits = _count(record.get("Len", str(4 * len(record.get("Msg", "")))), "Len", maximum=_LENGTH_BITS_MAX)
        label = f"Len = {length_bits}"
        if length_bits % 8:
            tally.not_applicable["bit-oriented message: its length is no multiple of 8"] += 1
            return
        message = _bytes(record.get("Msg", ""), "Msg")[: length_bits // 8]
        if len(message) < length_bits // 8:
            raise InputError("message is shorter than its length", length_bits=length_bits, size_bytes=len(message))
        got = hashlib.new(function, message, usedforsecurity=False).hexdigest()
    tally.judge(source.name, label, expected=expected, got=got)


def _after_chain(function: str, seed: bytes) -> bytes:
    """The digest after a thousand, each of the one before (SHA-3) or of the three before (SHA-2 and SHA-1)."""
    if function.startswith("sha3_"):
        digest = seed
        for _ in range(_CHAIN_LENGTH):
            digest = hashlib.new(function, digest).digest()
        return digest
    last = [seed, seed, seed]
    for _ in range(_CHAIN_LENGTH):
        last = [*last[1:], hashlib.new(function, b"".join(last), usedforsecurity=False).digest()]
    return last[-1]


def _repeated(function: str, message: bytes, times: int) -> str:
    hasher = hashlib.new(function, usedforsecurity=False)
    at_once = max(1, _PIECE_BYTES // max(1, len(message)))
    piece = message * at_once
    for _ in range(times // at_once):
        hasher.update(piece)
    hasher.update(message * (times % at_once))
    return hasher.hexdigest()


def _function(source: Source) -> str:
    """Which function the file's head names, or else its own name or its folder's."""
    comments = " ".join(line for line in islice(source.lines(), _HEAD_LINES) if line.startswith("#"))
    found = [_spelled(*match) for place in (comments, source.base, source.folder) for match in _NAME.findall(place)]
    known = next((_FUNCTIONS[name] for name in found if name in _FUNCTIONS), None)
    other = next((name for name in found if not name.startswith("sha") or name.startswith("shake")), None)
    if known is None and other is None:
        raise InputError("file of digests names no hash function", expected="SHA-2 or SHA-3 in its head or name")
    return known or str(other)


def _spelled(family: str, size: str, second: str) -> str:
    name = f"{family.lower()}/{size}" if family.lower() == "sha3" else f"{family.lower()}{size}"
    return f"{name}/{second}" if second and size == "512" else name


def _fields(source: Source) -> Iterator[tuple[str, str]]:
    for line in source.lines():
        matched = _FIELD.fullmatch(line)
        if matched is not None:
            yield matched.group(1), matched.group(2)


def _count(value: str, what: str, *, maximum: int) -> int:
    counted = number(value, what=what)
    if not 0 <= counted <= maximum:
        raise InputError("vector has a number out of bounds", field=what, expected=f"0 to {maximum}", got=counted)
    return counted


def _bytes(value: str, what: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise InputError("vector has a field that is not hex", field=what, got=value[:80]) from error
