"""Signed notes, keys, checkpoint bodies, proof files and policies in JSON, each with what a reader must say of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from chain.checkpoint import parse_body
from chain.conformance.json_case import Case, Fields, Shape, decoded, stated_acceptance, text
from chain.conformance.outcome import ACCEPTED, Tally, attempt
from chain.cosignature import parse_cosigner_key
from chain.note import open_note, parse_verifier_key
from chain.proof import parse_proof
from chain.trust import parse_policy
from domain.errors import InputError

_NOTE_FIELDS: Final = ("note_b64", "note_base64", "note")
_KEY_FIELDS: Final = ("known_vkeys", "vkeys", "known", "verifier_keys", "vkey", "verifier_key")


def open_with(note: bytes, keys: list[str]) -> int:
    """How many of the keys are found to have signed the note.

    Raises:
        InputError: not a note, or not a key.
        IntegrityError: a signature is wrong, or none is of these keys.
    """
    try:
        decoded_note = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not a signed note", reason=str(error)) from error
    return len(open_note(decoded_note, [parse_verifier_key(key) for key in keys]).signatures)


def specification_refusal(policy: str) -> str | None:
    """Why C2SP tlog-policy forbids a policy, as far as published cases contradict it.

    Found without the product's parser, so that its refusal is no reason for itself. A group's number lies between 1
    and its members, the name ``none`` is taken, and there is exactly one quorum line.
    """
    lines = [line.split("#")[0].split() for line in policy.split("\n")]
    for words in (line for line in lines if line):
        if words[0] in {"witness", "group"} and words[1:2] == ["none"]:
            return "the name none is taken"
        if words[0] == "group" and words[2:3] and words[2] not in {"all", "any"}:
            is_number = words[2].isascii() and words[2].isdigit()
            if not is_number or not 1 <= int(words[2]) <= len(words) - 3:
                return "a group's number is not between 1 and its members"
    if sum(words[:1] == ["quorum"] for words in lines) != 1:
        return "there is not exactly one quorum line"
    return None


def _is_note(fields: Fields) -> bool:
    return any(key in fields for key in _NOTE_FIELDS) and any(key in fields for key in _KEY_FIELDS)


def _judge_note(case: Case, tally: Tally) -> None:
    name = next(key for key in _NOTE_FIELDS if key in case.fields)
    written = text(case.fields[name], what=name)
    note = written.encode("utf-8", errors="surrogatepass") if name == "note" else decoded(written, what=name)
    known = next(case.fields[key] for key in _KEY_FIELDS if key in case.fields)
    keys = [text(key, what="key") for key in (known if isinstance(known, list) else [known])]
    if case.is_accepted is False:
        tally.judge_refusal(case.source.name, case.name, accepts=False, action=partial(open_with, note, keys))
        return
    count, fault = attempt(partial(open_with, note, keys))
    wanted = case.fields.get("want_verified")
    expected = count if wanted is None and count is not None else wanted or ACCEPTED
    tally.judge(case.source.name, case.name, expected=expected, got=fault or count)


def _is_key_list(fields: Fields) -> bool:
    lists = [fields[key] for key in ("good", "bad") if isinstance(fields.get(key), list)]
    keys = [key for item in lists for key in item]
    return all(isinstance(key, str) for key in keys) and any("+" in key for key in keys)


def _judge_key_list(case: Case, tally: Tally) -> None:
    for at, key in enumerate(case.fields.get("good", [])):
        parsed, fault = attempt(partial(parse_verifier_key, key))
        got = fault if parsed is None else parsed.text
        tally.judge(case.source.name, f"{case.label}.good[{at}]", expected=key, got=got)
    for at, key in enumerate(case.fields.get("bad", [])):
        label, action = f"{case.label}.bad[{at}]", partial(parse_verifier_key, key)
        tally.judge_refusal(case.source.name, label, accepts=False, action=action)


def _accepting(field: str, parse: Callable[[str], object], family: str) -> Shape:
    """Shape of a text under one field that is to be read or to be refused."""

    def matches(fields: Fields) -> bool:
        return isinstance(fields.get(field), str) and stated_acceptance(fields) is not None

    def judge(case: Case, tally: Tally) -> None:
        action = partial(parse, case.fields[field])
        tally.judge_refusal(case.source.name, case.name, accepts=bool(case.is_accepted), action=action)

    return Shape(family, matches, judge)


def _judge_policy(case: Case, tally: Tally) -> None:
    policy = case.fields["policy"]
    accepts = bool(case.is_accepted)
    forbidden = specification_refusal(policy)
    if accepts and forbidden is not None:
        tally.remarks[f"recorded as accepted, expected to be refused by the specification: {forbidden}"] += 1
        accepts = False
    action = partial(parse_policy, policy, where=case.name)
    tally.judge_refusal(case.source.name, case.name, accepts=accepts, action=action)


def _is_policy(fields: Fields) -> bool:
    return isinstance(fields.get("policy"), str) and stated_acceptance(fields) is not None


SHAPES: Final = (
    Shape("signed notes", _is_note, _judge_note),
    Shape("verifier keys", _is_key_list, _judge_key_list),
    Shape("witness policies", _is_policy, _judge_policy),
    _accepting("proof", parse_proof, "tlog proofs"),
    _accepting("body", parse_body, "checkpoint bodies"),
    _accepting("vkey", parse_cosigner_key, "witness keys"),
)
