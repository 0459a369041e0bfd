"""A copy of published logs is of one state of them, however often they are published meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from chain.batch import EntryBatch
from chain.storage.contract import Listed
from chain.storage.fetching import ATTEMPTS_MAX, fetch
from chain.storage.files import FileStore
from chain.verify import verify_directory
from domain.errors import ConflictError, InputError, UnavailableError
from tests.unit.chain.samples import ACME, event, open_store, tenant_folder


class BusyStore(FileStore):
    """A folder that is published to right after it was listed, as often as is left."""

    def __init__(self, root: Path, publish: Callable[[], None], left: int) -> None:
        super().__init__(root)
        self._publish = publish
        self._left = left

    def listing(self, folder: str = "") -> Iterator[Listed]:
        found = list(super().listing(folder))
        if self._left:
            self._left -= 1
            self._publish()
        return iter(found)


@pytest.fixture
def publish(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Records an entry and publishes."""
    numbers = count()
    with open_store(tmp_path) as writer:

        def publish_one() -> None:
            writer.append(EntryBatch.encode([event(f"e-{next(numbers)}")]))
            writer.publish(ACME)

        publish_one()
        yield publish_one


@pytest.mark.parametrize("times", [0, 1, 3])
def test_a_copy_verifies_although_the_log_is_published_while_it_is_made(
    publish: Callable[[], None], tmp_path: Path, times: int
) -> None:
    number = fetch(BusyStore(tenant_folder(tmp_path), publish, times), tmp_path / "copy")
    report = verify_directory(tmp_path / "copy")
    assert report.findings == ()
    assert (report.ok, report.entries, report.files) == (True, 2 + 2 * times, number)


def test_a_log_that_is_published_faster_than_it_is_read_is_given_up(
    publish: Callable[[], None], tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError):
        fetch(BusyStore(tenant_folder(tmp_path), publish, ATTEMPTS_MAX + 2), tmp_path / "copy")


def test_only_something_is_copied_and_only_into_an_empty_folder(publish: Callable[[], None], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        fetch(FileStore(tmp_path / "nothing"), tmp_path / "copy")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/mine").write_text("keep")
    with pytest.raises(ConflictError):
        fetch(FileStore(tenant_folder(tmp_path)), tmp_path / "copy")
