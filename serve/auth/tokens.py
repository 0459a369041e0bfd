"""One bearer token per tenant, in a file that only its owner can read.

The file holds the tokens, because `pcg token` prints them; a serving process keeps only their digests and compares
them in constant time. A tenant added to the file is known at the next request, a replaced token is void after a second.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from typing import Final

from domain.errors import AccessDenied, IntegrityError
from domain.tenancy import TenantId, tenant_id
from serve.private_file import read_private, write_private

FILE_NAME: Final = "tokens.json"
VERSION: Final = 1
TOKEN_BYTES: Final = 32
PREFIX: Final = "pcg_"
FRESH_S: Final = 1.0


def ensure_token(path: Path, tenant: TenantId) -> str:
    """The tenant's token, made at the first call."""
    tokens = _read(path)
    if tenant not in tokens:
        tokens[tenant] = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
        _write(path, tokens)
    return tokens[tenant]


def token_of(path: Path, tenant: str) -> str | None:
    """The tenant's token where it has one."""
    return _read(path).get(tenant_id(tenant))


def replace_token(path: Path, tenant: TenantId) -> str:
    """Give a tenant a new token; the former is void from now on."""
    tokens = _read(path)
    tokens.pop(tenant, None)
    _write(path, tokens)
    return ensure_token(path, tenant)


class TokenRegistry:
    """Finds the tenant of a token.

    Args:
        seconds: a monotonic clock; decides when the file is asked again whether it changed.
    """

    def __init__(self, path: Path, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._seconds = seconds
        self._asked_at = float("-inf")
        self._mark: tuple[int, int] | None = None
        self._digests: tuple[tuple[bytes, TenantId], ...] = ()

    def tenant_of(self, token: str) -> TenantId:
        """Whose token this is; every known token is compared, so that time tells nothing.

        Raises:
            AccessDenied: nobody's.
        """
        digest = _digest(token)
        found = self._find(digest) if self._seconds() - self._asked_at < FRESH_S else None
        if found is None:
            self._refresh()
            found = self._find(digest)
        if found is None:
            raise AccessDenied("the bearer token is not known", todo="Print the tenant's token with: pcg token")
        return found

    def _find(self, digest: bytes) -> TenantId | None:
        found: TenantId | None = None
        for known, tenant in self._digests:
            if compare_digest(known, digest):
                found = tenant
        return found

    def _refresh(self) -> None:
        self._asked_at = self._seconds()
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._mark, self._digests = None, ()
            return
        mark = (status.st_mtime_ns, status.st_ino)
        if mark != self._mark:
            self._digests = tuple((_digest(token), tenant) for tenant, token in sorted(_read(self._path).items()))
            self._mark = mark


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _write(path: Path, tokens: Mapping[TenantId, str]) -> None:
    write_private(path, {"version": VERSION, "tokens": {str(tenant): token for tenant, token in tokens.items()}})


def _read(path: Path) -> dict[TenantId, str]:
    document = read_private(path)
    if document is None:
        return {}
    tokens = document.get("tokens")
    if document.get("version") != VERSION or not isinstance(tokens, dict):
        raise IntegrityError(
            "the token file is of another version",
            where=str(path),
            expected=VERSION,
            got=document.get("version"),
            todo="Remove it; new tokens are made at the next start",
        )
    return {tenant_id(name): str(token) for name, token in tokens.items()}
