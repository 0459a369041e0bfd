"""Small exports written by the tests themselves."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from connectors.files import Reading, read_inputs
from domain.tenancy import tenant_id

GROUP = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/shop"
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/shop-kv"


def read(*paths: Path | str, **options: Any) -> Reading:
    return read_inputs([str(path) for path in paths], tenant=tenant_id("demo"), **options)


def write(folder: Path, name: str, value: object) -> Path:
    """A JSON file; a list of lines becomes NDJSON where the name says so."""
    path = folder / name
    lines = "\n".join(json.dumps(each) for each in value) if ".ndjson" in name else json.dumps(value)  # type: ignore[attr-defined]
    content = lines.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def vault(**properties: Any) -> dict[str, Any]:
    return {"id": VAULT, "name": "shop-kv", "type": "Microsoft.KeyVault/vaults", "location": "West Europe",
            "tags": {"team": "shop"}, "properties": properties}  # fmt: skip


def bucket_item(**supplementary: Any) -> dict[str, Any]:
    return {
        "version": "1.3",
        "accountId": "123123123123",
        "configurationItemStatus": "OK",
        "configurationItemCaptureTime": "2026-05-01T00:00:00Z",
        "arn": "arn:aws:s3:::shop-data",
        "resourceType": "AWS::S3::Bucket",
        "resourceId": "shop-data",
        "resourceName": "shop-data",
        "awsRegion": "eu-west-1",
        "tags": {"team": "shop"},
        "configuration": {"name": "shop-data"},
        "supplementaryConfiguration": supplementary,
    }
