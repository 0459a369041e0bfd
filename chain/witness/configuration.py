"""What a witness is told at its start: a TOML file, the command line, or both, the command line winning.

An example stands in docs/witnessing.md. An unknown key is an error.
"""

from __future__ import annotations

import argparse
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chain.note import VerifierKey, is_key_name, parse_verifier_key
from domain.errors import InputError

_OPTIONAL: Final = "mldsa44_key"
_TEXTS: Final = ("name", "state", "key", _OPTIONAL, "listen")
_ADDRESS: Final = re.compile(r"([A-Za-z0-9.-]+):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that one witness process needs."""

    name: str
    state: Path
    key: Path
    mldsa44_key: Path | None
    address: tuple[str, int]
    logs: tuple[VerifierKey, ...]


def read_configuration(arguments: Sequence[str] | None) -> Configuration:
    """Join the command line and the file that it names.

    Raises:
        InputError: the file is unreadable or has an unknown key, or something is missing or malformed.
    """
    options = _parser().parse_args(arguments)
    texts, logs = _read_file(options.config) if options.config else ({}, [])
    texts |= {name: text for name in _TEXTS if (text := getattr(options, name)) is not None}
    missing = [name for name in _TEXTS if name not in texts and name != _OPTIONAL]
    if missing:
        raise InputError("witness is not told everything", missing=missing, todo="See python -m chain.witness --help")
    if not is_key_name(texts["name"]):
        raise InputError("not a witness's name", got=texts["name"], expected="a URL without scheme, spaces or plus")
    return Configuration(
        name=texts["name"],
        state=Path(texts["state"]),
        key=Path(texts["key"]),
        mldsa44_key=Path(texts[_OPTIONAL]) if _OPTIONAL in texts else None,
        address=_address(texts["listen"]),
        logs=tuple(parse_verifier_key(text) for text in (*logs, *options.log)),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chain.witness", description="Cosign logs' checkpoints.")
    parser.add_argument("--config", type=Path, help="TOML file with the options below, and logs = [...]")
    parser.add_argument("--name", help="the witness's name, like a URL without its scheme")
    parser.add_argument("--state", help="directory of what was cosigned; never delete it while the key is in use")
    parser.add_argument("--key", help="file of the Ed25519 key; made at first use")
    parser.add_argument("--mldsa44-key", help="file of an ML-DSA-44 key to cosign with as well; made at first use")
    parser.add_argument("--listen", help="address and port, such as 127.0.0.1:8500")
    parser.add_argument("--log", action="append", default=[], help="verifier key of a log to witness; repeat for more")
    return parser


def _read_file(path: Path) -> tuple[dict[str, str], list[str]]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("cannot read the witness's configuration", path=str(path), reason=str(error)) from error
    logs = values.pop("logs", [])
    unknown = [name for name, value in values.items() if name not in _TEXTS or not isinstance(value, str)]
    if unknown or not isinstance(logs, list) or not all(isinstance(text, str) for text in logs):
        raise InputError(
            "witness's configuration is not understood",
            path=str(path),
            got=unknown or "logs",
            expected=f"texts {', '.join(_TEXTS)}, and logs, a list of texts",
        )
    return values, logs


def _address(text: str) -> tuple[str, int]:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > 65_535:
        raise InputError("not an address to listen on", got=text, expected="127.0.0.1:8500")
    return found[1], int(found[2])
