"""A store in S3, Azure Blob Storage, Google Cloud Storage or memory, through `obstore`.

Attempts are repeated here rather than in the library, because only who sent a conditional put twice can tell a lost
answer from a lost race: where a repeated attempt finds an object in place, its content says whose it is. Every
operation ends: attempts, pauses and time are bounded.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final, NoReturn, Self, TypeVar, cast

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore, from_url

from chain.storage.contract import (
    CHUNK_SIZE_BYTES,
    NO_HINTS,
    Blob,
    Hints,
    Item,
    Listed,
    Source,
    Version,
    next_batch,
    require_folder,
    require_name,
)
from domain.errors import AccessDenied, ConflictError, InputError, NotFound, UnavailableError

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta, PutMode, PutResult
    from obstore.store import ClientConfig, S3Config

_THREADS: Final = 16
_BATCH_COUNT: Final = 1000
_PART_SIZE_BYTES: Final = 8 << 20
_SCHEMES: Final = frozenset({"s3", "az", "abfs", "abfss", "gs", "memory"})
_QUERY = re.compile(r"\?[^\s\"']*")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an operation is tried.

    Args:
        deadline_s: no attempt begins later than this after the first; one attempt lasts at most `request_s`.
    """

    attempts_max: int = 5
    deadline_s: float = 60
    pause_s: float = 0.2
    pause_s_max: float = 5
    connect_s: float = 5
    silence_s: float = 20
    request_s: float = 300


@dataclass(frozen=True, slots=True)
class Pacing:
    """Time and chance, given by tests."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random


class BucketStore:
    """Objects in a bucket, a container, or memory.

    Args:
        prefix: folder within the bucket; ends with a slash, or is empty.
        location: how people call it.
    """

    def __init__(
        self,
        bucket: ObjectStore,
        *,
        location: str,
        prefix: str = "",
        patience: Patience | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        self._bucket = bucket
        self._location = location
        self._prefix = require_folder(prefix)
        self._patience = patience or Patience()
        self._pacing = pacing or Pacing()

    @classmethod
    def open(
        cls, url: str, options: Mapping[str, str] | None = None, *, patience: Patience | None = None
    ) -> BucketStore:
        """A store by its address.

        Args:
            url: `s3://bucket/folder`, `az://container/folder`, `gs://bucket/folder`, `memory:///`.
            options: settings of that store as obstore names them, such as region, endpoint, account_name, and keys;
                what is not given comes from where the provider's own tools take it.
        """
        patience = patience or Patience()
        try:
            _require_scheme(url)
            bucket = from_url(url) if url.startswith("memory:") else _connect(url, options or {}, patience)
        except (BaseError, ValueError, TypeError) as error:
            raise InputError(
                "not the address of an object store",
                got=url,
                reason=_reason(error),
                expected="s3://bucket/folder, az://container/folder, gs://bucket/folder",
                todo="Check the address and the options of that store",
            ) from error
        return cls(bucket, location=url, patience=patience)

    @property
    def location(self) -> str:
        return f"{self._location.rstrip('/')}/{self._prefix}"

    def get(self, name: str) -> Blob:
        return self._attempt(name, lambda: self._read(name))

    def part(self, name: str, *, start: int, size_bytes: int) -> bytes:
        asked: GetOptions = {"range": (start, start + size_bytes)}
        return self._attempt(name, lambda: bytes(obstore.get(self._bucket, self._key(name), options=asked).bytes()))

    def chunks(self, name: str) -> Iterator[bytes]:
        result = self._attempt(name, lambda: obstore.get(self._bucket, self._key(name)))
        try:
            for chunk in result.stream(CHUNK_SIZE_BYTES):
                yield bytes(chunk)
        except BaseError as error:
            self._give_up(name, error)

    def size_bytes(self, name: str) -> int:
        return self._attempt(name, lambda: obstore.head(self._bucket, self._key(name))["size"])

    def put(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:
        return self._attempt(name, lambda: self._send(name, content, hints, "overwrite"))

    def put_new(self, name: str, content: bytes, hints: Hints = NO_HINTS) -> Version:
        return self._send_if(
            name,
            content,
            hints,
            "create",
            is_still_open=lambda there: there is None,
            refusal="object exists",
        )

    def put_if_match(self, name: str, content: bytes, version: Version, hints: Hints = NO_HINTS) -> Version:
        mode: PutMode = {"e_tag": version.tag}
        if version.generation is not None:
            mode = {"e_tag": version.tag, "version": version.generation}
        return self._send_if(
            name,
            content,
            hints,
            mode,
            is_still_open=lambda there: there is not None and _is_same(there.version, version),
            refusal="object has changed since it was read",
        )

    def put_chunks(self, name: str, source: Source, hints: Hints = NO_HINTS) -> None:
        self._attempt(name, lambda: self._send(name, iter(source()), hints, "overwrite"))

    def put_all(self, items: Iterable[Item]) -> None:
        pending = iter(items)
        with ThreadPoolExecutor(_THREADS) as pool:
            while batch := next_batch(pending, count_max=_BATCH_COUNT):
                list(pool.map(lambda item: self.put(*item), batch))

    def listing(self, folder: str = "") -> Iterator[Listed]:
        prefix = f"{self._prefix}{require_folder(folder)}"

        def act() -> list[Listed]:
            pages = obstore.list(self._bucket, prefix or None, chunk_size=_BATCH_COUNT)
            return [Listed(item["path"].removeprefix(self._prefix), item["size"]) for page in pages for item in page]

        return iter(sorted(self._attempt(folder, act), key=lambda item: item.name))

    def delete(self, name: str) -> None:
        self._attempt(name, lambda: self._delete(self._key(name)))

    def delete_all(self, names: Iterable[str]) -> None:
        pending = iter(names)
        while batch := list(islice(pending, _BATCH_COUNT)):
            self._attempt(batch[0], partial(self._delete, [self._key(name) for name in batch]))

    def tidy(self) -> None:
        """Nothing to do: uploads that were never finished are the bucket's to expire (docs/storage.md)."""

    def below(self, folder: str) -> Self:
        return type(self)(
            self._bucket,
            location=self._location,
            prefix=f"{self._prefix}{require_folder(folder)}",
            patience=self._patience,
            pacing=self._pacing,
        )

    def _key(self, name: str) -> str:
        return f"{self._prefix}{require_name(name)}"

    def _send(self, name: str, content: bytes | Iterator[bytes], hints: Hints, mode: PutMode) -> Version:
        try:
            result = obstore.put(
                self._bucket,
                self._key(name),
                content,
                attributes={"Content-Type": hints.media_type, "Cache-Control": hints.cache_control},
                mode=mode,
                chunk_size=_PART_SIZE_BYTES,
            )
        except FileNotFoundError as error:
            self._require_bucket()
            raise _UndecidedError(_reason(error)) from error
        return _version(result)

    def _send_if(
        self,
        name: str,
        content: bytes,
        hints: Hints,
        mode: PutMode,
        *,
        is_still_open: Callable[[Blob | None], bool],
        refusal: str,
    ) -> Version:
        """Send under a condition; what the store answers is believed only where no earlier answer was lost."""
        is_answer_lost = False

        def act() -> Version:
            nonlocal is_answer_lost
            try:
                return self._send(name, content, hints, mode)
            except (AlreadyExistsError, PreconditionError) as error:
                there = self._there(name)
                if is_answer_lost and there is not None and there.content == content:
                    return there.version
                if is_still_open(there):
                    raise _UndecidedError(_reason(error)) from error
                raise ConflictError(refusal, store=self.location, name=name, todo="Read it again") from error
            except BaseError:
                is_answer_lost = True
                raise

        return self._attempt(name, act)

    def _there(self, name: str) -> Blob | None:
        try:
            return self._read(name)
        except FileNotFoundError:
            self._require_bucket()
            return None

    def _read(self, name: str) -> Blob:
        result = obstore.get(self._bucket, self._key(name))
        return Blob(bytes(result.bytes()), _version(result.meta))

    def _delete(self, keys: str | list[str]) -> None:
        """Delete; where a store makes a fuss about one that is gone, delete one by one."""
        try:
            obstore.delete(self._bucket, keys)
        except FileNotFoundError:
            self._require_bucket()
            for key in keys if isinstance(keys, list) else ():
                self._delete(key)

    def _attempt(self, name: str, act: Callable[[], T]) -> T:
        begun, attempt = self._pacing.clock(), 0
        while True:
            attempt += 1
            try:
                return act()
            except FileNotFoundError as error:
                self._require_bucket()
                raise NotFound("no such object", store=self.location, name=name) from error
            except (BaseError, _UndecidedError) as error:
                is_late = self._pacing.clock() - begun >= self._patience.deadline_s
                if is_late or attempt >= self._patience.attempts_max or isinstance(error, _REFUSALS):
                    self._give_up(name, error)
            pause_s = min(self._patience.pause_s * 2 ** (attempt - 1), self._patience.pause_s_max)
            self._pacing.sleep(pause_s * (0.5 + self._pacing.chance() / 2))

    def _give_up(self, name: str, error: Exception) -> NoReturn:
        facts = {"store": self.location, "name": name, "reason": _reason(error)}
        if isinstance(error, _REFUSALS):
            todo = "Give our identity the permissions of docs/storage.md"
            raise AccessDenied("the object store refuses us", **facts, todo=todo) from error
        raise UnavailableError("the object store gives no answer", **facts, todo="Try again later") from error

    def _require_bucket(self) -> None:
        """Raise unless the bucket itself is there: without it, "no such object" says nothing about the object."""
        try:
            next(iter(obstore.list(self._bucket, self._prefix or None)), None)
        except BaseError as error:
            self._give_up(self._prefix, error)


class _UndecidedError(Exception):
    """The store answered, but its answer decides nothing; ask again."""


_REFUSALS: Final = (PermissionDeniedError, UnauthenticatedError)


def _require_scheme(url: str) -> None:
    scheme = url.partition(":")[0]
    if scheme not in _SCHEMES:
        raise ValueError(f"unknown scheme {scheme}")


def _connect(url: str, options: Mapping[str, str], patience: Patience) -> ObjectStore:
    client: ClientConfig = {
        "connect_timeout": timedelta(seconds=patience.connect_s),
        "read_timeout": timedelta(seconds=patience.silence_s),
        "timeout": timedelta(seconds=patience.request_s),
        "allow_http": options.get("endpoint", "").startswith("http://"),
    }
    config = cast("S3Config", dict(options))
    return from_url(url, config=config, client_options=client, retry_config={"max_retries": 0})


def _is_same(there: Version, read: Version) -> bool:
    """Whether a version is that which was read; a generation counts where both state one."""
    return there.tag == read.tag and (
        None in {there.generation, read.generation} or there.generation == read.generation
    )


def _version(meta: PutResult | ObjectMeta) -> Version:
    return Version(meta["e_tag"] or "", meta["version"])


def _reason(error: Exception) -> str:
    """First line of what the library says, without the query of an address: it may hold a signature."""
    return _QUERY.sub("", str(error).partition("\n")[0])[:300]
