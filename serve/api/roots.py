"""Which files a caller may name: only what lies below the allowed roots, symbolic links resolved.

Without this, a token for one tenant would read any file that the platform's account can read. A link that somebody
with access to a root put inside it is that person's decision and is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from domain.errors import InputError

_GLOB = frozenset("*?[")


def below_roots(paths: Iterable[str], roots: Sequence[Path]) -> tuple[str, ...]:
    """The paths, made absolute.

    Raises:
        InputError: one of them, or the fixed part of a glob, is outside every root.
    """
    resolved = tuple(root.resolve() for root in roots)
    return tuple(_below(path, resolved) for path in paths)


def _below(path: str, roots: Sequence[Path]) -> str:
    outside = InputError(
        "the path is outside the folders that may be read",
        path=path,
        todo="Ask the operator to add the folder to allowed_roots, or move the files below one of them",
    )
    if "\0" in path:
        raise outside
    parts = Path(path).parts
    fixed = next((at for at, part in enumerate(parts) if _GLOB & set(part)), len(parts))
    rest = parts[fixed:]
    base = Path(*parts[:fixed]).resolve()
    if ".." in rest or not any(base.is_relative_to(root) for root in roots):
        raise outside
    return str(base.joinpath(*rest))
