"""Folders and files in storage, by URI: local paths, `file://`, `s3://`, `gs://`, and `abfs://` for Azure.

Credentials come from where each provider's own tools find them. A URI may carry some, and an endpoint, in its query;
what is shown of it never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

import pyarrow as pa
import pyarrow.fs as pafs

from connectors.redaction import clean_text
from domain.errors import InputError, UnavailableError

_AZURE: Final = frozenset({"abfs", "abfss"})
_TODO: Final = "Give file://, s3://, gs:// or abfs://, or a local path"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file below a place: its name from there, and what tells whether it is still the same."""

    name: str
    size: int
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or a file. Opened where it is used, so it can travel."""

    uri: str

    @property
    def shown(self) -> str:
        """The URI without credentials and endpoint."""
        bare = self.uri.partition("?")[0]
        scheme, found, rest = bare.partition("://")
        if not found:
            return bare
        authority, slash, path = rest.partition("/")
        user, at, host = authority.rpartition("@")
        return f"{scheme}://{user.partition(':')[0]}{at}{host}{slash}{path}"

    def below(self, name: str) -> Place:
        """What has this name below here; an empty name is the place itself."""
        bare, mark, query = self.uri.partition("?")
        return Place(f"{bare.rstrip('/')}/{name}{mark}{query}") if name else self

    def files(self) -> list[FoundFile]:
        """The file itself, with an empty name, or all files below the folder in order of name.

        Raises:
            InputError: the place is none.
            UnavailableError: it cannot be read.
        """
        with self._opened() as (system, path):
            info = system.get_file_info(path)
            if info.is_file:
                return [FoundFile("", info.size, info.mtime)]
            selector = pafs.FileSelector(path, recursive=True, allow_not_found=True)
            start = len(path.rstrip("/")) + 1
            found = (each for each in system.get_file_info(selector) if each.is_file)
            return sorted((FoundFile(each.path[start:], each.size, each.mtime) for each in found), key=lambda f: f.name)

    @contextmanager
    def reading(self) -> Iterator[Any]:
        """The file, open for reading at any offset."""
        with self._opened() as (system, path), system.open_input_file(path) as stream:
            yield stream

    def read(self) -> bytes | None:
        """The file's content; None where there is none."""
        with self._opened() as (system, path):
            if not system.get_file_info(path).is_file:
                return None
            with system.open_input_stream(path) as stream:
                return bytes(stream.read())

    def write(self, content: bytes) -> None:
        """Let the file hold this content, now or not at all."""
        with self._opened() as (system, path):
            aside = path
            if isinstance(system, pafs.LocalFileSystem):  # elsewhere a folder is a name, and a container is not ours
                system.create_dir(path.rpartition("/")[0], recursive=True)
                aside = f"{path}.partial"
            with system.open_output_stream(aside) as stream:
                stream.write(content)
            if aside != path:
                system.move(aside, path)

    def clear(self) -> None:
        """Delete everything below the folder, and the folder."""
        with self._opened() as (system, path):
            if system.get_file_info(path).type is pafs.FileType.Directory:
                system.delete_dir(path)

    @contextmanager
    def _opened(self) -> Iterator[tuple[pafs.FileSystem, str]]:
        system, path = self._resolved()
        try:
            yield system, path
        except (OSError, pa.ArrowException) as error:
            raise UnavailableError(
                "storage cannot be used now", where=self.shown, reason=self._reason(error), todo="Run the job again"
            ) from error

    def _resolved(self) -> tuple[pafs.FileSystem, str]:
        try:
            if "://" not in self.uri:
                return pafs.LocalFileSystem(), str(Path(self.uri).resolve())
            parts = urlsplit(self.uri)
            if parts.scheme in _AZURE and parts.password:
                return _azure_with_key(parts)
            system, path = pafs.FileSystem.from_uri(self.uri)
        except (ValueError, OSError) as error:
            raise InputError(
                "not a place that can be read", where=self.shown, reason=self._reason(error), todo=_TODO
            ) from None
        return system, path

    def _reason(self, error: Exception) -> str:
        return clean_text(str(error).replace(self.uri, self.shown))[:300]


def _azure_with_key(parts: SplitResult) -> tuple[pafs.FileSystem, str]:
    """Azure by an account's key, which a URI alone cannot tell Arrow: ``abfs://ACCOUNT:KEY@HOST/CONTAINER/PATH``."""
    authority = parts.netloc.rpartition("@")[2]
    scheme = "http" if "enable_tls=false" in parts.query else "https"
    system = pafs.AzureFileSystem(
        account_name=parts.username,
        account_key=unquote(parts.password or ""),
        blob_storage_authority=authority,
        dfs_storage_authority=authority,
        blob_storage_scheme=scheme,
        dfs_storage_scheme=scheme,
    )
    return system, unquote(parts.path).strip("/")
