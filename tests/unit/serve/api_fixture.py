"""A whole platform in this process behind a test client, with two tenants and one small export."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any
from zipfile import ZipFile

from fastapi.testclient import TestClient
from httpx2 import Response

from connectors.webhook.target import Allowed
from domain.errors import NotFound
from domain.tenancy import TenantId
from serve.api.context import ApiContext
from serve.app import build_app
from serve.auth.tokens import FILE_NAME, TokenRegistry, ensure_token
from serve.bootstrap import folders_of, local_platform
from serve.change_desk import ChangeDesk
from serve.drift_service import DriftService
from serve.operations import Operations
from serve.predictions import Predictions
from serve.privacy import Protection
from serve.reporting import ReportRequest, ReportService
from serve.settings import Settings
from serve.stream_place import stream_place

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
GROUP = "/subscriptions/0b1f6471-1bf0-4dda-aec3-111122223333/resourceGroups/shop"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts"
STORAGE_ID = f"{ACCOUNT}/shopdata"
OPERATOR_KEY = "operator-key-of-this-test"


class FixedClock:
    """Noon of a winter's day."""

    def now(self) -> datetime:
        return NOW


def storage_account(name: str, **properties: object) -> dict[str, Any]:
    return {
        "id": f"{ACCOUNT}/{name}",
        "type": "Microsoft.Storage/storageAccounts",
        "name": name,
        "location": "westeurope",
        "tags": {"owner": "shop"},
        "properties": {"supportsHttpsTrafficOnly": False, "minimumTlsVersion": "TLS1_0", **properties},
    }


class OneFilePack:
    """Makes packs of one file that says what was asked for."""

    def make(self, request: ReportRequest) -> bytes:
        if request.expected == ("erasure",):
            raise NotFound("there is no evidence of that window", todo="Choose another window")
        content = BytesIO()
        with ZipFile(content, "w") as pack:
            pack.writestr("about.txt", f"{request.kind.value} of {request.tenant}")
        return content.getvalue()


@dataclass(frozen=True, slots=True)
class Api:
    """A client with the tokens of two tenants."""

    client: TestClient
    folder: Path
    acme: dict[str, str]
    globex: dict[str, str]

    def scan(self, headers: dict[str, str], **body: object) -> dict[str, Any]:
        """Scan the export and wait for the end; returns the operation."""
        answer = self.client.post(
            "/api/v2/predictions/bulk-scan", json={"paths": [str(self.folder / "exports")], **body}, headers=headers
        )
        assert answer.status_code == 202, answer.text
        return self.wait(headers, answer.json()["operation_id"])

    def wait(self, headers: dict[str, str], operation_id: str) -> dict[str, Any]:
        end = monotonic() + 20
        while monotonic() < end:
            found: dict[str, Any] = self.client.get(f"/api/v2/operations/{operation_id}", headers=headers).json()
            if found["status"] in {"succeeded", "failed"}:
                return found
        raise AssertionError(found)

    def get(self, path: str, headers: dict[str, str] | None = None) -> Response:
        return self.client.get(path, headers=self.acme if headers is None else headers)


@contextmanager
def running_api(folder: Path) -> Iterator[Api]:
    exports = folder / "exports"
    exports.mkdir()
    (exports / "storage.json").write_text(json.dumps([storage_account("shopdata"), storage_account("shoplogs")]))
    settings = Settings(store_dir=folder / "store")
    tokens = folder / "store" / FILE_NAME
    acme, globex = (bearer(ensure_token(tokens, TenantId(name))) for name in ("acme", "globex"))
    with local_platform(settings) as platform:
        operations = Operations(platform, FixedClock())
        streams = stream_place(settings).open()
        context = ApiContext(
            platform=platform,
            operations=operations,
            reports=ReportService(OneFilePack(), folders_of(settings), operations, FixedClock()),
            protection=Protection(folders_of(settings), platform),
            folders=folders_of(settings),
            tokens=TokenRegistry(tokens),
            clock=FixedClock(),
            allowed_roots=(exports,),
            changes=ChangeDesk(streams, FixedClock()),
            drift=DriftService(
                platform.drift, folders_of(settings), FixedClock(), streams.feed, Allowed.of(["127.0.0.1"])
            ),
            predictions=Predictions(platform, folders_of(settings), FixedClock()),
            operator_digest=sha256(OPERATOR_KEY.encode()).digest(),
        )
        with TestClient(build_app(context), raise_server_exceptions=False) as client:
            yield Api(client, folder, acme, globex)
        operations.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
