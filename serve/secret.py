"""Secrets by reference: read where they are kept, at the moment they are used."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from chain.keys.reference import KeyPlace, KeyReference, parse_reference
from domain.errors import InputError, NotFound
from serve.settings import secret_of


def read_secret(reference: KeyReference, *, what: str) -> str:
    """A secret's text, without the line's end.

    Args:
        what: the secret is, for the refusal.

    Raises:
        NotFound: there is no such variable or file.
    """
    if reference.place is KeyPlace.ENVIRONMENT:
        return secret_of(reference.name)
    try:
        return Path(reference.name).read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise NotFound(f"{what} cannot be read", path=reference.name, reason=error.strerror) from error


def secret_reader(text: str, *, what: str) -> Callable[[], str]:
    """What reads the secret that a reference names, whenever it is called.

    Raises:
        InputError: not a reference, or one to a place that gives no secret away.
    """
    reference = parse_reference(text)
    if reference.place is KeyPlace.AWS_KMS:
        raise InputError(f"a key service gives no {what} away", todo="Name an env: variable or a file:")
    return partial(read_secret, reference, what=what)
