"""Frameworks as people write them: any of their names, or that of a framework that only policies know."""

from __future__ import annotations

from domain.errors import InputError
from policy.controls.catalogue import framework


def framework_id(name: str) -> str:
    """The id of a framework that we know by this name; any other name stays as it is."""
    try:
        return framework(name).id
    except InputError:
        return name
