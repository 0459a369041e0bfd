"""The journal on object storage: one object a frame, made under the next number by a put that an older writer loses.

Opening raises the epoch by a conditional put, reads every frame, and then makes a frame of its own that only opens.
Where the next number is taken, an older writer was faster: its frame was acknowledged, so it is read too, and the next
number is tried. Once the opening frame stands, an older writer cannot make a frame any more: the only number it would
try is taken, and stays taken, because opening frames are never deleted. What was acknowledged before is read; what
comes later is refused; nothing lies between.

Frames can be gathered into volumes, which hold them unchanged, and the parts of years that are over can be deleted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from chain.frame import DIGEST_SIZE_BYTES, PlacedRun, Run
from chain.journal import EntryPlaces
from chain.object_epoch import JournalStart, ObjectEpoch, taken_over
from chain.object_frame import (
    FRAMES,
    OPENING_SIZE_BYTES,
    VOLUMES,
    Piece,
    frame_name,
    range_of,
    read_pieces,
    volume_name,
    write_piece,
)
from chain.object_reader import FrameReader
from chain.storage.contract import Blob, BlobStore
from domain.errors import ConflictError, IntegrityError, NotFound, UnavailableError

READ_AHEAD: Final = 16
VOLUME_SIZE_BYTES_MAX: Final = 16 << 20
VOLUME_FRAMES_MIN: Final = 256


class ObjectJournal:
    """A store's journal in a bucket.

    Args:
        store: holds the journal and nothing else.
        opener: who opens it, never twice the same: a random name; ``None`` only reads and takes nothing over.
    """

    def __init__(self, store: BlobStore, opener: str | None) -> None:
        self._store = store
        self._held = ObjectEpoch(store, opener) if opener is not None else None
        self._reader = FrameReader(store)
        self._start = JournalStart()
        self._sequence = 0
        self._digest = bytes(DIGEST_SIZE_BYTES)
        self._epoch_last = 0
        self._years: list[tuple[int, int, bytes]] = []  # year, its first frame, digest that it continues
        self._places: dict[str, EntryPlaces] = {}
        self._expired: set[str] = set()
        self._is_ready = False

    @property
    def epoch(self) -> int:
        return self._held.number if self._held else 0

    @property
    def is_stopped(self) -> bool:
        return not self._is_ready

    def require_held(self) -> None:
        assert self._held is not None, "a journal opened for reading is not held"
        self._held.require_held()

    def origins(self) -> Sequence[str]:
        return tuple(self._places)

    def size(self, origin: str) -> int:
        places = self._places.get(origin)
        return len(places) if places else 0

    def entry(self, origin: str, index: int) -> bytes:
        return self._reader.read(*self._places[origin].find(index))

    def entries(self, origin: str, start: int, stop: int) -> list[bytes]:
        return self._places[origin].read(start, stop, self._reader.read) if start < stop else []

    def close(self) -> None:
        """Nothing is held that would have to be given back: whoever opens takes over."""
        self._is_ready = False

    def replay(self) -> Iterator[list[Run]]:
        self._start = JournalStart.read(self._store)
        self._sequence, self._digest = self._start.sequence, self._start.former
        for name, content in self._contents(self._plan()):
            yield from self._take(name, content)
        while self._held and not self._put(self._piece((), self._year)):
            name = frame_name(self._sequence)
            yield from self._take(name, self._store.get(name).content)
        self._is_ready = self._held is not None

    def append(self, runs: Sequence[Run], *, year: int, meanwhile: Callable[[], None] | None = None) -> None:
        if not self._is_ready:
            raise UnavailableError(
                "evidence log stopped after a failed write", store=self._store.location, todo="Open the log again"
            )
        self._is_ready = False  # until it is known what became of the frame
        if not self._put(self._piece(runs, max(year, self._year))):
            raise taken_over(self._store, self.epoch)
        self._is_ready = True
        if meanwhile is not None:
            meanwhile()

    def gather(self, *, frames_min: int = VOLUME_FRAMES_MIN, size_bytes_max: int = VOLUME_SIZE_BYTES_MAX) -> int:
        """Put frames together into volumes, a year's apart from another's; the newest few stay as they are.

        May be repeated after a stop at any point.

        Returns:
            Number of volumes made.
        """
        self.require_held()
        made = 0
        while (span := self._next_to_gather(frames_min)) is not None:
            self._gather(*span, size_bytes_max)
            made += 1
        self._delete_frames(lambda first, _: self._reader.is_in_volume(first), FRAMES)
        return made

    def forget(self, year: int) -> list[str]:
        """Delete the frames of a year and of those before it, but for the opening ones, which keep older writers out.

        For the end of retention alone: the logs of those years are no longer known afterwards. May be repeated after a
        stop at any point.
        """
        self.require_held()
        later = [(begin, former) for each, begin, former in self._years if each > year]
        if len(later) < len(self._years):
            begin, former = later[0] if later else (self._start.sequence, self._start.former)
            self._start = self._start.moved(self._store, sequence=begin, former=former)
        begin = self._start.sequence
        return self._delete_frames(lambda _, last: last < begin, FRAMES, VOLUMES)

    @property
    def _year(self) -> int:
        return self._years[-1][0] if self._years else 1

    def _piece(self, runs: Sequence[Run], year: int) -> bytes:
        firsts = [self.size(run.origin) for run in runs]
        return write_piece(runs, firsts, year=year, epoch=self.epoch, sequence=self._sequence, former=self._digest)

    def _put(self, content: bytes) -> bool:
        """Make the next frame; ``False`` where somebody else has made it."""
        name = frame_name(self._sequence)
        try:
            self._store.put_new(name, content)
        except ConflictError:
            return False
        self._reader.keep(self._sequence, content)
        for piece in read_pieces(content, name=name):
            self._accept(piece, piece.runs())
        return True

    def _plan(self) -> list[str]:
        """The objects that hold every frame once, in order."""
        listed = [item.name for folder in (VOLUMES, FRAMES) for item in self._store.listing(folder)]
        covered = {name: found for name in listed if (found := range_of(name))}
        by_first = deque(sorted(covered, key=lambda name: (covered[name][0], -covered[name][1])))
        end = max((last for _, last in covered.values()), default=-1) + 1
        names, best, at = list[str](), "", self._start.sequence
        while at < end:
            while by_first and covered[by_first[0]][0] <= at:
                best = max(best, by_first.popleft(), key=lambda name: covered.get(name, (0, -1))[1])
            if covered.get(best, (0, -1))[1] < at:
                raise IntegrityError(
                    "journal has a gap",
                    store=self._store.location,
                    name=frame_name(at),
                    todo="Restore that object from its former version or a copy",
                )
            names.append(best)
            at = covered[best][1] + 1
        return names

    def _contents(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Read objects in order, some ahead of their turn."""
        pending: deque[tuple[str, Future[Blob]]] = deque()
        with ThreadPoolExecutor(READ_AHEAD) as pool:
            for name in names:
                pending.append((name, pool.submit(self._store.get, name)))
                if len(pending) == READ_AHEAD:
                    yield self._result(*pending.popleft())
            while pending:
                yield self._result(*pending.popleft())

    def _result(self, name: str, read: Future[Blob]) -> tuple[str, bytes]:
        try:
            return name, read.result().content
        except NotFound as error:
            raise UnavailableError(
                "journal changed while it was read", store=self._store.location, name=name, todo="Open it again"
            ) from error

    def _take(self, name: str, content: bytes) -> Iterator[list[Run]]:
        """Accept what an object holds and was not accepted yet."""
        is_volume = name.startswith(VOLUMES)
        for piece in self._reader.add_volume(name, content) if is_volume else read_pieces(content, name=name):
            if piece.sequence >= self._sequence:
                placed = self._require_next(name, piece)
                self._accept(piece, placed)
                if placed:
                    yield [Run(run.origin, run.entries(piece.frame)) for run in placed]

    def _require_next(self, name: str, piece: Piece) -> list[PlacedRun]:
        """The runs of the next frame, but for those of logs whose beginning was deleted."""
        if self._held and piece.header.epoch > self.epoch:
            raise taken_over(self._store, self.epoch, newest=piece.header.epoch)
        stated = (piece.sequence, piece.former)
        if stated != (self._sequence, self._digest) or piece.header.epoch < self._epoch_last:
            raise self._disorder(name, piece)
        placed = piece.runs()
        for run in placed:
            if run.first and run.origin not in self._places and self._start.sequence:
                self._expired.add(run.origin)  # its beginning was deleted with its year
            if run.origin not in self._expired and run.first != self.size(run.origin):
                raise self._disorder(name, piece)
        return [run for run in placed if run.origin not in self._expired]

    def _accept(self, piece: Piece, placed: Sequence[PlacedRun]) -> None:
        for run in placed:
            self._places.setdefault(run.origin, EntryPlaces()).add(piece.sequence, 0, run)
        if piece.header.runs and piece.year != self._year:
            self._years.append((piece.year, piece.sequence, piece.former))
        self._sequence, self._digest, self._epoch_last = piece.sequence + 1, piece.digest, piece.header.epoch

    def _require_chain(self, name: str, content: bytes, first: int) -> None:
        """Raise unless these are the frames that were read: what is gathered is deleted afterwards."""
        digest: bytes | None = None
        for number, piece in enumerate(read_pieces(content, name=name), start=first):
            if piece.sequence != number or digest not in {None, piece.former}:
                raise self._disorder(name, piece)
            digest = piece.digest

    def _disorder(self, name: str, piece: Piece) -> IntegrityError:
        return IntegrityError(
            "journal has a frame out of order",
            store=self._store.location,
            name=name,
            expected=self._sequence,
            got=piece.sequence,
            todo="Restore the journal's objects from their former versions or a copy",
        )

    def _next_to_gather(self, frames_min: int) -> tuple[int, int] | None:
        """The first frame that is in no volume, and where its year or the journal ends."""
        first = max(self._reader.volumes_end, self._start.sequence)
        year_ends = next((begin for _, begin, _ in self._years[1:] if begin > first), None)
        if year_ends is not None:
            return first, year_ends
        return (first, self._sequence) if self._sequence - first >= frames_min else None

    def _gather(self, first: int, end: int, size_bytes_max: int) -> None:
        """Make one volume of the frames from the first on, as many as fit."""
        parts, size_bytes = list[bytes](), 0
        for _, content in self._contents(map(frame_name, range(first, end))):
            parts.append(content)
            size_bytes += len(content)
            if size_bytes >= size_bytes_max:
                break
        name, content = volume_name(first, first + len(parts) - 1), b"".join(parts)
        self._require_chain(name, content, first)
        self.require_held()
        try:
            self._store.put_new(name, content)
        except ConflictError:
            if self._store.get(name).content != content:
                raise
        self._reader.add_volume(name, content)

    def _delete_frames(self, is_over: Callable[[int, int], bool], *folders: str) -> list[str]:
        """Delete objects by their first and last frame, except opening frames: these keep older writers out."""
        listed = [item for folder in folders for item in self._store.listing(folder)]
        names = [
            item.name
            for item in listed
            if item.size_bytes != OPENING_SIZE_BYTES and (span := range_of(item.name)) and is_over(*span)
        ]
        self.require_held()
        self._store.delete_all(names)
        return names
