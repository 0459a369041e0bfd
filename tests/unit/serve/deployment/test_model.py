"""The models' deployment as threads ask it: on the loop of the replica, within a deadline, with errors as ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from threading import Thread, get_ident, main_thread
from types import SimpleNamespace

import numpy as np
import pytest
from ray.exceptions import RayError

from domain.errors import UnavailableError
from serve.deployment.model import DeployedModel, Sent
from training.scoring import Asked, Told

ASKED = Asked("acme/1", 3, "serving")
LOGITS = np.zeros((2, 3), np.float32)


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    found = asyncio.new_event_loop()
    thread = Thread(target=found.run_forever)
    thread.start()
    yield found
    found.call_soon_threadsafe(found.stop)
    thread.join()
    found.close()


def model(loop: asyncio.AbstractEventLoop, answer: Callable[[Sent], Awaitable[object]]) -> DeployedModel:
    """A deployment whose replica answers so."""
    handle = SimpleNamespace(whole=SimpleNamespace(remote=answer), explain=SimpleNamespace(remote=answer))
    return DeployedModel(handle, loop, "digest", {})


def test_the_handle_is_used_on_the_loop_whoever_asks(loop: asyncio.AbstractEventLoop) -> None:
    threads = list[int]()

    async def answer(sent: Sent) -> object:
        threads.append(get_ident())
        assert sent.asked == ASKED
        return LOGITS

    assert model(loop, answer).whole(ASKED, []) is LOGITS
    assert get_ident() not in threads


def test_an_answer_that_is_late_is_none(loop: asyncio.AbstractEventLoop) -> None:
    async def answer(sent: Sent) -> object:
        del sent
        return await asyncio.sleep(60, LOGITS)

    with pytest.raises(UnavailableError, match="did not answer"):
        model(loop, answer).whole(ASKED, [], deadline_s=0.05)


@pytest.mark.parametrize("error", [RayError("the replica ended"), UnavailableError("the network failed")])
def test_errors_on_the_way_and_errors_of_the_replica_are_told_as_ours(
    loop: asyncio.AbstractEventLoop, error: Exception
) -> None:
    async def answer(sent: Sent) -> object:
        del sent
        if isinstance(error, RayError):
            raise error
        return error

    with pytest.raises(UnavailableError):
        model(loop, answer).whole(ASKED, [])
    with pytest.raises(UnavailableError):
        asyncio.run(model(loop, answer).explain(ASKED, []))


def test_one_resource_is_asked_about_on_the_loop_that_asks(loop: asyncio.AbstractEventLoop) -> None:
    told = Told({}, 0.0, 1)

    async def answer(sent: Sent) -> object:
        assert (sent.asked, get_ident()) == (ASKED, main_thread().ident)
        return told

    assert asyncio.run(model(loop, answer).explain(ASKED, [])) is told
