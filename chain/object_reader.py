"""Reading entries out of a journal's objects: in which object a frame lies, and what was read lately."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from chain.object_frame import FRAME_OFFSET, VOLUMES, Piece, frame_name, range_of, read_pieces
from chain.storage.contract import BlobStore
from domain.errors import NotFound

BLOCK_SIZE_BYTES: Final = 1 << 20
BLOCKS_MAX: Final = 128


@dataclass(frozen=True, slots=True)
class _Volume:
    """An object of many frames.

    Args:
        offsets: where each frame begins in it.
    """

    name: str
    first: int
    offsets: array[int]

    @property
    def end(self) -> int:
        return self.first + len(self.offsets)


class FrameReader:
    """Bytes of frames by their number; keeps the blocks that were read last."""

    def __init__(self, store: BlobStore) -> None:
        self._store = store
        self._volumes: dict[int, _Volume] = {}
        self._firsts: list[int] = []
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    @property
    def volumes_end(self) -> int:
        """Number of the first frame behind all volumes."""
        return max((volume.end for volume in self._volumes.values()), default=0)

    def is_in_volume(self, sequence: int) -> bool:
        """Whether a frame is in a volume that is known here."""
        return self._locate(sequence)[0].startswith(VOLUMES)

    def add_volume(self, name: str, content: bytes) -> list[Piece]:
        """Learn what lies in a volume; gives its pieces.

        Raises:
            IntegrityError: something in it is not a whole piece.
        """
        pieces = list(read_pieces(content, name=name))
        known = self._volumes.get(pieces[0].sequence)
        volume = _Volume(name, pieces[0].sequence, array("Q", [piece.frame_start for piece in pieces]))
        if known is None or known.end < volume.end:
            self._volumes[volume.first] = volume
            self._firsts = sorted(self._volumes)
        return pieces

    def keep(self, sequence: int, content: bytes) -> None:
        """Remember a frame that was just written."""
        if len(content) <= BLOCK_SIZE_BYTES:
            self._keep(frame_name(sequence), 0, content)

    def read(self, sequence: int, offset: int, size_bytes: int) -> bytes:
        """Bytes of a frame.

        Raises:
            NotFound: this part of the journal was deleted.
        """
        try:
            return self._read(sequence, offset, size_bytes)
        except NotFound:
            self._find_volumes()  # somebody has gathered the frame into a volume since
            return self._read(sequence, offset, size_bytes)

    def _read(self, sequence: int, offset: int, size_bytes: int) -> bytes:
        name, base = self._locate(sequence)
        start = base + offset
        first, last = start // BLOCK_SIZE_BYTES, (start + size_bytes) // BLOCK_SIZE_BYTES
        found = b"".join(self._block(name, number) for number in range(first, last + 1))
        at = start - first * BLOCK_SIZE_BYTES
        return found[at : at + size_bytes]

    def _locate(self, sequence: int) -> tuple[str, int]:
        for first in reversed(self._firsts[: bisect_right(self._firsts, sequence)]):
            volume = self._volumes[first]
            if sequence < volume.end:
                return volume.name, volume.offsets[sequence - first]
        return frame_name(sequence), FRAME_OFFSET

    def _block(self, name: str, number: int) -> bytes:
        block = self._blocks.get((name, number))
        if block is None:
            block = self._store.part(name, start=number * BLOCK_SIZE_BYTES, size_bytes=BLOCK_SIZE_BYTES)
        self._keep(name, number, block)
        return block

    def _keep(self, name: str, number: int, block: bytes) -> None:
        self._blocks[name, number] = block
        self._blocks.move_to_end((name, number))
        while len(self._blocks) > BLOCKS_MAX:
            self._blocks.popitem(last=False)

    def _find_volumes(self) -> None:
        known = {volume.name for volume in self._volumes.values()}
        for item in self._store.listing(VOLUMES):
            if item.name not in known and range_of(item.name):
                self.add_volume(item.name, self._store.get(item.name).content)
