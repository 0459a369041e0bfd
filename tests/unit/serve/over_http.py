"""Sends what `serve.remote` asks to an application in this process, without a socket."""

from __future__ import annotations

import io
from contextlib import AbstractContextManager
from email.message import Message
from urllib.error import HTTPError
from urllib.request import Request

import pytest

from serve import remote
from tests.unit.serve.api_fixture import Api


def sent_to(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let requests to ``http://platform`` go to the application."""

    def opened(request: Request, timeout: float) -> AbstractContextManager[io.BytesIO]:
        answer = api.client.request(
            request.get_method(),
            request.full_url.removeprefix("http://platform"),
            headers=dict(request.header_items()),
            content=request.data if isinstance(request.data, bytes) else None,
        )
        if answer.status_code >= 400:
            raise HTTPError(request.full_url, answer.status_code, "", Message(), io.BytesIO(answer.content))
        return io.BytesIO(answer.content)

    monkeypatch.setattr(remote, "urlopen", opened)
    monkeypatch.setattr(remote, "sleep", lambda _: None)
