"""Where evidence is published and where its journal is: folders of the platform, or object stores by their address.

The writer's state (keys, signed checkpoints, nonces, artifacts) is always on a volume of its own, below the store.
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from actors.folders import Folders
from chain.object_journal import ObjectJournal
from chain.storage.contract import BlobStore
from chain.storage.fetching import fetch
from chain.storage.files import FileStore
from chain.storage.opening import open_store
from chain.verify import VerificationReport, verify_directory
from domain.errors import InputError, NotFound
from domain.tenancy import TenantId


class EvidencePlace:
    """The places of one platform. Stores are opened at first use."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._published: BlobStore | None = None

    def of(self, tenant: TenantId) -> Path | BlobStore:
        """Where a tenant's logs are published, one folder a year below."""
        if self._folders.evidence_url is None:
            return self._folders.evidence_of(tenant)
        if self._published is None:
            self._published = open_at(self._folders.evidence_url, self._folders.storage_config)
        return self._published.below(f"{tenant}/")

    def store_of(self, tenant: TenantId) -> BlobStore:
        """The same as a store."""
        place = self.of(tenant)
        return FileStore(place) if isinstance(place, Path) else place

    def location(self, tenant: TenantId) -> str:
        """Where that is, for people."""
        place = self.of(tenant)
        return str(place) if isinstance(place, Path) else place.location

    def journal(self) -> ObjectJournal | None:
        """The journal in an object store, taken over from whoever writes; ``None`` where it is in files."""
        if self._folders.journal_url is None:
            return None
        return ObjectJournal(open_at(self._folders.journal_url, self._folders.storage_config), secrets.token_hex(16))

    @contextmanager
    def folder(self, tenant: TenantId) -> Iterator[Path]:
        """The tenant's published files as a folder: themselves, or a copy for as long as it is needed.

        Raises:
            NotFound: nothing was published yet.
        """
        place = self.of(tenant)
        if isinstance(place, Path):
            yield place
            return
        with TemporaryDirectory(prefix="policycortex-") as name:
            copy = Path(name) / "logs"
            try:
                fetch(place, copy)
            except InputError as error:
                raise NotFound(error.summary, **error.facts) from error
            yield copy

    def verify(self, tenant: TenantId) -> VerificationReport:
        """Check every byte of the tenant's published files, as a stranger would."""
        with self.folder(tenant) as folder:
            return verify_directory(folder)


def open_at(url: str, options_file: Path | None) -> BlobStore:
    """An object store by its address.

    Args:
        options_file: TOML, options by obstore's names; what is not there comes from where the provider's tools take it.

    Raises:
        InputError: not such an address, or the file is not TOML of texts.
    """
    if options_file is None:
        return open_store(url)
    try:
        options = tomllib.loads(options_file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("cannot read the storage options", path=str(options_file), reason=str(error)) from error
    if not all(isinstance(value, str) for value in options.values()):
        raise InputError("storage options are texts", path=str(options_file), got=sorted(options))
    return open_store(url, options)
