"""Artifacts by digest: what is too large for an entry, kept once and checked whenever it is read.

The name is the SHA-256 that an entry states, so whatever the store gives back under it is either that artifact or
damage. Large ones pass through in parts; nothing holds them whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from chain.storage.contract import BlobStore, Hints, Source
from domain.errors import InputError, IntegrityError, NotFound

_NEVER_CHANGES = Hints(cache_control="private, max-age=31536000, immutable")


class ArtifactStore:
    """Artifacts of one log, or of several that are deleted together.

    Args:
        store: holds nothing but artifacts.
        size_bytes_max: of one artifact.
    """

    def __init__(self, store: BlobStore, *, size_bytes_max: int = 256 << 20) -> None:
        self._store = store
        self._size_bytes_max = size_bytes_max

    def has(self, sha256: str) -> bool:
        """Whether the artifact was kept; reading it may still find it damaged."""
        try:
            self._store.size_bytes(sha256)
        except NotFound:
            return False
        return True

    def keep(self, sha256: str, source: Source) -> None:
        """Keep an artifact; on return it is durable. One that is there already is not sent again.

        Args:
            source: gives its content in parts, from the start each time it is called.

        Raises:
            InputError: the content has another digest, or is too large; nothing is kept.
        """
        if not self.has(sha256):
            self._store.put_chunks(sha256, lambda: self._checked(sha256, source()), _NEVER_CHANGES)

    def read(self, sha256: str) -> bytes:
        """An artifact, whole and right.

        Raises:
            NotFound: it was never kept.
            IntegrityError: what is kept is not the artifact.
        """
        return b"".join(self.chunks(sha256))

    def chunks(self, sha256: str) -> Iterator[bytes]:
        """An artifact in parts. What was read before the iterator ends without an error is not to be believed yet.

        Raises:
            NotFound: it was never kept.
            IntegrityError: what is kept is not the artifact.
        """
        size_bytes, digest = self._store.size_bytes(sha256), hashlib.sha256()
        if size_bytes > self._size_bytes_max:
            raise self._damage(sha256, got=f"{size_bytes} bytes")
        for chunk in self._store.chunks(sha256):
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != sha256:
            raise self._damage(sha256, got=digest.hexdigest())

    def _checked(self, sha256: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
        digest, size_bytes = hashlib.sha256(), 0
        for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > self._size_bytes_max:
                raise InputError(
                    "artifact is too large",
                    sha256=sha256,
                    size_bytes_max=self._size_bytes_max,
                    todo="Split the artifact",
                )
            digest.update(chunk)
            yield chunk
        if digest.hexdigest() != sha256:
            raise InputError(
                "artifact is not what its digest says",
                expected=sha256,
                got=digest.hexdigest(),
                todo="Send the artifact again; the copy was damaged on its way",
            )

    def _damage(self, sha256: str, *, got: str) -> IntegrityError:
        return IntegrityError(
            "kept artifact is missing or changed",
            store=self._store.location,
            expected=sha256,
            got=got,
            todo="Restore the artifact from a copy; its digest in the log says which one is right",
        )
