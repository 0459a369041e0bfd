"""Who may do what in a Google Cloud stack: its service account, keys of that account, secrets and API keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from connectors.estate.company import Record, Stack
from connectors.estate.dates import creation, expiry, past
from connectors.estate.gcp_document import account_email, asset, bindings
from domain.clock import format_instant
from domain.value import Json


def identity(stack: Stack) -> Iterator[Record]:
    """An account and a secret in every stack; keys that people keep only in some."""
    email = account_email(stack)
    path = f"projects/{stack.place.project}/serviceAccounts/{email}"
    account: dict[str, Json] = {"name": path, "email": email, "disabled": False, "uniqueId": f"1{stack.serial:020d}"}
    yield asset(stack, "iam.googleapis.com/ServiceAccount", path, account, is_labelled=False)
    yield _key(stack, path, 1, is_kept_by_people=False)
    if stack.is_flawed(2):
        yield _key(stack, path, 2, is_kept_by_people=True)
    for index in range(stack.random.randint(1, 2)):
        yield _secret(stack, index)
    if stack.has(0.15):
        yield _api_key(stack)


def _key(stack: Stack, account: str, index: int, *, is_kept_by_people: bool) -> Record:
    made = creation(stack, days_max=90) if is_kept_by_people else stack.as_of - timedelta(days=5)
    name = f"{account}/keys/{stack.serial:036x}{index:04x}"
    data: dict[str, Json] = {
        "name": name,
        "keyType": "USER_MANAGED" if is_kept_by_people else "SYSTEM_MANAGED",
        "keyOrigin": "GOOGLE_PROVIDED",
        "validAfterTime": format_instant(made),
        "validBeforeTime": format_instant(expiry(stack) if is_kept_by_people else made + timedelta(days=16)),
    }
    return asset(stack, "iam.googleapis.com/ServiceAccountKey", name, data, is_labelled=False)


def _secret(stack: Stack, index: int) -> Record:
    name = f"projects/{stack.place.project}/secrets/{stack.name}-{('database', 'partner')[index]}"
    data: dict[str, Json] = {
        "name": name,
        "createTime": format_instant(past(stack)),
        "replication": {"automatic": {}},
    }
    if not stack.is_flawed(1.5):
        turns = stack.as_of + timedelta(hours=stack.random.randint(24, 2000))
        data["rotation"] = {"rotationPeriod": "7776000s", "nextRotationTime": format_instant(turns)}
    if stack.has(0.4):
        data["expireTime"] = format_instant(expiry(stack))
    member = f"serviceAccount:{account_email(stack)}"
    policy = bindings("roles/secretmanager.secretAccessor", member)
    return asset(stack, "secretmanager.googleapis.com/Secret", name, data, policy=policy)


def _api_key(stack: Stack) -> Record:
    name = f"projects/{stack.place.project}/locations/global/keys/{stack.guid(3)}"
    restrictions: dict[str, Json] = {}
    if not stack.is_flawed():
        restrictions["apiTargets"] = [{"service": "translate.googleapis.com"}]
    if not stack.is_flawed():
        restrictions["serverKeyRestrictions"] = {"allowedIps": ["192.0.2.0/24"]}
    data: dict[str, Json] = {
        "name": name,
        "displayName": f"key-{stack.name}",
        "createTime": format_instant(creation(stack, days_max=90)),
        "restrictions": restrictions,
    }
    return asset(stack, "apikeys.googleapis.com/Key", name, data, is_labelled=False)
