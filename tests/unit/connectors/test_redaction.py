"""Planted secrets come out of nothing that a reading gives; what only refers to a secret stays."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import redaction
from connectors.redaction import clean, clean_text, names_secret
from domain.value import Json
from tests.unit.connectors.inputs import bucket_item, read, vault, write

CANARY = "c4n4ry-7h15-15-53cr37"
RANDOM = "wJa1rXUtnFEMIK7MDENGbPxRfiCYq2ZKc9vT8sLd"


@pytest.mark.parametrize(
    "planted",
    [
        {"adminPassword": CANARY},
        {"secret": {"value": CANARY}},
        {"connectionStrings": {"Default": CANARY}},
        {"passwords": [CANARY]},
        {"client_secret": CANARY},
        {"ConnectionString": CANARY},
        {"accountKey": CANARY, "sasToken": CANARY},
        {"connectionStrings": [{"name": "db", "connectionString": CANARY, "type": "SQLAzure"}]},
        {"environment": {"Variables": {"DB_PASSWORD": CANARY}}},
        {"Environment": [{"name": "API_TOKEN", "value": CANARY}]},
        {"siteConfig": {"appSettings": [{"name": "StorageConnectionString", "value": CANARY}]}},
        {"parameters": {"admin": {"type": "SecureString", "value": CANARY}}},
        {"note": f"Server=x;User=y;Password={CANARY};"},
        {"url": f"https://user:{CANARY}@example.org/path"},
        {"url": f"https://x.blob.example.org/c?sv=1&sig={CANARY}"},
        {"pem": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----"},
        {"text": f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{CANARY}"},
        {"text": f"DefaultEndpointsProtocol=https;AccountName=x;AccountKey={CANARY}=="},
        {"inner": json.dumps({"deep": {"password": CANARY}})},
        {"inner": json.dumps({"deep": json.dumps({"password": CANARY})})},
        {"userData": base64.b64encode(f"#!/bin/sh\nexport DB_PASSWORD={CANARY}\n".encode()).decode()},
        {"tags": {"password": CANARY}},
        {"Tags": [{"Key": "password", "Value": CANARY}]},
        {"value": f"sk_live_{'a1B2' * 6}{CANARY}"},
    ],
)
def test_a_planted_secret_is_gone_before_anything_sees_it(tmp_path: Path, planted: dict[str, Any]) -> None:
    reading = read(write(tmp_path, "in.json", [vault(**planted), {**bucket_item(), "configuration": planted}]))
    shown = repr(reading)
    encoded = base64.b64encode(CANARY.encode()).decode().rstrip("=")[:12]
    assert CANARY not in shown
    assert encoded not in shown
    assert "[removed: " in shown


def test_a_secret_in_a_tag_is_gone_from_the_tags_too(tmp_path: Path) -> None:
    tagged = {**vault(), "tags": {"db_password": CANARY, "team": "shop"}}
    (item,) = read(write(tmp_path, "in.json", tagged)).inventory.items
    assert item.tags == {"db_password": "[removed: its key names a secret]", "team": "shop"}


def test_a_random_key_is_removed_and_a_hash_is_not() -> None:
    document: dict[str, Any] = {"blob": RANDOM, "codeSha256": RANDOM + "=", "etag": RANDOM}
    clean(document)
    assert "characters are random" in document["blob"]
    assert (document["codeSha256"], document["etag"]) == (RANDOM + "=", RANDOM)


@pytest.mark.parametrize(
    "kept",
    [
        {"secretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:x"},
        {"SecretId": "db", "secretName": "db", "secretVersion": "2"},
        {"disablePasswordAuthentication": True, "passwordPolicy": {"minimumLength": 14}},
        {"KmsMasterKeyId": "alias/aws/sqs", "HttpTokens": "required", "tokenType": "Bearer"},
        {"credentials": "arn:aws:iam::1:role/x"},
        {"clientSecret": "@Microsoft.KeyVault(SecretUri=https://x.vault.example/secrets/y)"},
        {"keyVaultSecretId": "https://x.vault.example/secrets/y"},
        {"nextToken": "abc", "PasswordLastUsed": "2026-01-01T00:00:00Z", "passwordResetRequired": False},
        {"allowSharedKeyAccess": "true"},
        {"volumes": [{"name": "v", "secret": {"secretName": "db", "defaultMode": 420}}]},
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}, "secrets": ["db-secret", {"name": "db"}]},
        {"maxOutputToken": 512, "MasterUserSecret": {"SecretArn": "arn:aws:x", "SecretStatus": "active"}},
        {"uri": "https://x.vault.example/keys/y/1234", "version": "1"},
    ],
)
def test_what_only_refers_to_a_secret_stays(kept: dict[str, Any]) -> None:
    document = json.loads(json.dumps(kept))
    assert not clean(document).is_changed
    assert document == kept


def test_a_document_without_secrets_keeps_its_digest(tmp_path: Path) -> None:
    one = read(write(tmp_path, "a.json", vault(state="x"))).inventory.items[0]
    two = read(write(tmp_path, "b.json", dict(reversed(vault(state="x").items())))).inventory.items[0]
    assert one.digest == two.digest
    assert len(one.digest) == 64


def test_a_reason_never_quotes_a_secret(tmp_path: Path) -> None:
    (tmp_path / "in.ndjson").write_text(json.dumps(vault()) + f'\n{{"password": "{CANARY}"\n')
    reading = read(tmp_path / "in.ndjson")
    assert len(reading.inventory.gaps) == 1
    assert CANARY not in repr(reading)
    assert CANARY not in clean_text(f"failed: postgres://user:{CANARY}@host/db")


SECRET_KEYS = (
    "password MasterUserPassword DB_PASSWORD AccountKey primary_access_key secretKey authToken sas_token privateKey"
)


@pytest.mark.parametrize("key", SECRET_KEYS.split())
def test_keys_that_name_secrets(key: str) -> None:
    assert names_secret(key)


SECRET_LIKE = st.sampled_from(
    (
        "pwd=example-canary",
        "pwd = example-canary",
        "Password  =\texample-canary",
        "PASSWORD\n=example-canary",
        "pwd\u00a0=example-canary",
        "AccountKey=c2VjcmV0LWNhbmFyeQ",
        "https://user:example-canary@host/x",
        "https://host/x?sig=abc",
        "-----BEGIN RSA PRIVATE KEY-----",
        "ghp_" + "a" * 36,
        '{"password": "example-canary"}',
        base64.b64encode(b"export DB_PASSWORD=example-canary\n").decode(),
    )
)
KEYS = st.sampled_from(("note", "UserData", "userdata", "USER_DATA", "customData", "customdata", "description"))


@given(key=KEYS, before=st.text(max_size=6), secret=SECRET_LIKE, after=st.text(max_size=6))
def test_whatever_the_second_pass_would_change_the_first_look_sends_to_it(
    key: str, before: str, secret: str, after: str
) -> None:
    value = before.encode("utf-8", "ignore").decode() + secret + after.encode("utf-8", "ignore").decode()
    if redaction._clean_value(key, value) != value:
        assert redaction._is_suspicious(orjson.dumps({key: value}))


@pytest.mark.parametrize("key", ["UserData", "userdata", "Userdata", "user_data", "customdata", "CustomData"])
def test_an_encoded_script_is_read_however_its_key_is_written(key: str) -> None:
    script = base64.b64encode(b"#!/bin/sh\nexport DB_PASSWORD=example-canary\n").decode()
    document: dict[str, Json] = {key: script}
    clean(document)
    assert script not in str(document)


@pytest.mark.parametrize("text", ["pwd = example-canary", "password  = example-canary", "pwd\t=\texample-canary"])
def test_white_space_around_an_assignment_hides_nothing(text: str) -> None:
    document: dict[str, Json] = {"note": text}
    clean(document)
    assert "example-canary" not in str(document)
