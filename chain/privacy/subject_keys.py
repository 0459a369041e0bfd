"""The keys of the persons that a tenant's evidence speaks of: one file each, under a name that says nothing.

    tenant.key            the tenant's key, plain under mode 0600, or wrapped by a key service
    subject/ab/ab12…      one person's key, wrapped with the tenant's; the name is a keyed digest of who it is
    erasing/ab12…         an erasure that was decided and is not finished

Two processes that meet the same person at once get the same key: a file is linked into place once and never replaced.
Nothing is cached, so that an erased key is used by nobody.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from chain.canonical import encode
from chain.durable import (
    TEMPORARY_SUFFIX,
    make_private_directory,
    reporting_full_disk,
    sync_file_system,
    write_all,
)
from chain.keys.destruction import destroy_file
from chain.privacy.commitment import KEY_SIZE_BYTES, keyed_digest
from chain.privacy.key_wrapper import KeyWrapper, LocalKeyWrapper
from chain.strict_json import parse
from domain.durable import sync_directory
from domain.errors import AccessDenied, ConflictError, InputError, IntegrityError
from domain.tenancy import TenantId
from domain.value import Json

SUBJECT_LENGTH_MAX: Final = 500
SYNCED_SINGLY_MAX: Final = 4
RandomBytes = Callable[[int], bytes]

_NAME: Final = "policycortex/subject-name/v1"
_TENANT_CONTEXT: Final = "policycortex/tenant-key/v1/{}"
_SUBJECT_CONTEXT: Final = "policycortex/subject-key/v1/{}"
_ORDER_SIZE_BYTES_MAX: Final = 4096


class SubjectKeys:
    """One tenant's store of keys of persons.

    Args:
        directory: private state, the tenant's alone; back-ups of it must be discarded in time (docs/privacy.md).
        wrapper: wraps the tenant's key at rest, such as a key service; None leaves it to the file's mode.
        random_bytes: where new keys come from.
    """

    def __init__(
        self,
        directory: Path,
        tenant: TenantId,
        *,
        wrapper: KeyWrapper | None = None,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        self.tenant = tenant
        self._random_bytes = random_bytes
        self._subjects, self._orders = directory / "subject", directory / "erasing"
        for folder in (directory, self._subjects, self._orders):
            make_private_directory(folder)
        self._tenant_key = self._open_tenant_key(directory / "tenant.key", wrapper)
        self._wrapper = LocalKeyWrapper(self._tenant_key)

    def key_of(self, subject: str) -> bytes:
        """A person's key; made at first use and durable before it is given out.

        Raises:
            InputError: no name of a person.
            ConflictError: the person is being erased.
        """
        name = self.name_of(subject)
        self._require_not_erasing(name)
        path = self._path(name)
        if not path.exists():
            made = self._wrapper.wrap(self._random_bytes(KEY_SIZE_BYTES), _SUBJECT_CONTEXT.format(name))
            _create_once(path, made)
        return self._read(name)

    def make(self, subjects: Iterable[str]) -> int:
        """Make the keys of those who have none, durable on return; many cost two syncs in all. Returns how many.

        Raises:
            InputError: no name of a person.
        """
        names = [name for name in dict.fromkeys(map(self.name_of, subjects)) if not self.is_ordered(name)]
        missing = [name for name in names if not self._path(name).exists()]
        made = {name: self._random_bytes(KEY_SIZE_BYTES) for name in missing}
        _create_together(
            self._subjects,
            {self._path(name): self._wrapper.wrap(key, _SUBJECT_CONTEXT.format(name)) for name, key in made.items()},
        )
        return len(made)

    def find(self, name: str) -> bytes | None:
        """The key that is kept under a file's name, also of a person who is being erased."""
        return self._read(name) if self._path(name).exists() else None

    def name_of(self, subject: str) -> str:
        """Name of a person's file. Spelling by case or by composition of letters makes no other person.

        Raises:
            InputError: empty or too long.
        """
        plain = unicodedata.normalize("NFC", unicodedata.normalize("NFC", subject.strip()).casefold())
        if not 0 < len(plain) <= SUBJECT_LENGTH_MAX:
            raise InputError("not the name of a person", length=len(plain), length_max=SUBJECT_LENGTH_MAX)
        return keyed_digest(self._tenant_key, _NAME, self.tenant, plain).hex()

    def order_erasure(self, name: str, order: dict[str, Json]) -> dict[str, Json]:
        """Keep that a person is to be erased; from now on nothing new is said of the person.

        Returns:
            The order that stands: an earlier one where there is one.
        """
        _create_once(self._orders / name, encode(order))
        return self.order(name)

    def order(self, name: str) -> dict[str, Json]:
        """An erasure that was ordered under that name and is not finished."""
        order = parse((self._orders / name).read_bytes(), size_bytes_max=_ORDER_SIZE_BYTES_MAX)
        assert isinstance(order, dict), "an order is an object"
        return order

    def is_ordered(self, name: str) -> bool:
        """Whether an erasure was ordered and is not finished."""
        return (self._orders / name).exists()

    def ordered(self) -> tuple[str, ...]:
        """Names under which erasures are not finished."""
        names = (path.name for path in self._orders.iterdir() if not path.name.endswith(TEMPORARY_SUFFIX))
        return tuple(sorted(names))

    def destroy(self, name: str) -> None:
        """Destroy a person's key, and then the order to do so. Safe to repeat.

        The order links the person's file to the pseudonym, so it is overwritten too; first it is moved out of the way,
        because half an order would say nothing after a crash.
        """
        path = self._path(name)
        for leftover in sorted(path.parent.glob(f"{name}.*{TEMPORARY_SUFFIX}")) if path.parent.exists() else []:
            destroy_file(leftover)
        destroy_file(path)
        if self.is_ordered(name):
            done = self._orders / f"{secrets.token_hex(8)}{TEMPORARY_SUFFIX}"
            (self._orders / name).rename(done)
            sync_directory(self._orders)
            destroy_file(done)

    def sweep(self) -> None:
        """Destroy what crashes left of finished orders; only while nobody else uses the store, after `destroy`."""
        assert not self.ordered(), "a leftover may be the same file as an order"
        for leftover in sorted(self._orders.iterdir()):
            destroy_file(leftover)

    def _require_not_erasing(self, name: str) -> None:
        if (self._orders / name).exists():
            raise ConflictError(
                "person is being erased", subject=name, todo="Repeat when the erasure is finished; see its entry"
            )

    def _path(self, name: str) -> Path:
        return self._subjects / name[:2] / name

    def _read(self, name: str) -> bytes:
        return self._wrapper.unwrap(self._path(name).read_bytes(), _SUBJECT_CONTEXT.format(name))

    def _open_tenant_key(self, path: Path, wrapper: KeyWrapper | None) -> bytes:
        context = _TENANT_CONTEXT.format(self.tenant)
        if not path.exists():
            made = self._random_bytes(KEY_SIZE_BYTES)
            _create_once(path, made if wrapper is None else wrapper.wrap(made, context))
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise AccessDenied("tenant's key can be read by others", path=str(path), todo=f"Run: chmod 600 {path}")
        content = path.read_bytes()
        key = content if wrapper is None else wrapper.unwrap(content, context)
        if len(key) != KEY_SIZE_BYTES:
            raise IntegrityError(
                "not a tenant's key",
                path=str(path),
                size_bytes=len(key),
                expected=KEY_SIZE_BYTES,
                todo="Give the key service that wrapped it, or restore the file from a copy",
            )
        return key


def _create_together(root: Path, files: Mapping[Path, bytes]) -> None:
    """As `_create_once` for each; from a few on all contents are synced at once, and then all names."""
    if len(files) <= SYNCED_SINGLY_MAX:
        for path, content in files.items():
            _create_once(path, content)
        return
    with reporting_full_disk(root):
        for folder in sorted({path.parent for path in files}):
            make_private_directory(folder)
        asides = {path: _write_aside(path, content) for path, content in files.items()}
        sync_file_system(root)
        for path, aside in asides.items():
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(aside)
            aside.unlink()
        sync_file_system(root)


def _write_aside(path: Path, content: bytes, *, is_synced: bool = False) -> Path:
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write_all(handle, content)
        if is_synced:
            os.fsync(handle)
    finally:
        os.close(handle)
    return aside


def _create_once(path: Path, content: bytes) -> None:
    """Make a private file unless there is one; whoever comes second leaves the first one's."""
    with reporting_full_disk(path):
        make_private_directory(path.parent)
        aside = _write_aside(path, content, is_synced=True)
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(aside)
        aside.unlink()
        sync_directory(path.parent)
        sync_directory(path.parent.parent)
