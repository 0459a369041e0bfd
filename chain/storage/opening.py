"""A store by its address: a folder's path, or the address of an object store."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, cast

from chain.storage.contract import BlobStore
from chain.storage.files import FileStore
from domain.errors import InputError

_FILE_SCHEME: Final = "file://"


def open_store(address: str, options: Mapping[str, str] | None = None) -> BlobStore:
    """Open a store.

    Args:
        address: a path, `file:///path`, `s3://bucket/folder`, `az://container/folder`, `gs://bucket/folder`, or
            `memory:///` (gone with the process).
        options: settings of an object store as obstore names them; keys among them are already resolved.

    Raises:
        InputError: not such an address, or the object store's library is not installed.
    """
    if "://" not in address or address.startswith(_FILE_SCHEME):
        return FileStore(Path(address.removeprefix(_FILE_SCHEME)))
    try:
        objects = importlib.import_module("chain.storage.objects")
    except ModuleNotFoundError as error:
        raise InputError(
            "object storage needs a library that is not installed",
            address=address,
            todo="Run: pip install 'policycortex[storage]'",
        ) from error
    return cast("BlobStore", objects.BucketStore.open(address, options))
