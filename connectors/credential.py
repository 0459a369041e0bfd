"""Bearer tokens for providers' APIs, fetched when needed from secrets that are references until then.

A secret is a function that reads it where it is kept; it is called for each new token and never stored. Tokens are kept
in memory until a minute before they end.

**Source**: RFC 6749 section 4.4 (client credentials), RFC 7523 (JWT bearer) as Google's OAuth 2.0 for service accounts.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from connectors.http_call import Answer, call
from domain.errors import AccessDenied, InputError, UnavailableError

EARLY_S: Final = 60.0
LIFE_S: Final = 3_600
Secret = Callable[[], str]


@dataclass(slots=True)
class _Kept:
    token: str = field(default="", repr=False)
    ends_at: float = 0.0

    def get(self, fetch: Callable[[], tuple[str, float]]) -> str:
        if time.monotonic() >= self.ends_at:
            token, life_s = fetch()
            self.token, self.ends_at = token, time.monotonic() + max(life_s - EARLY_S, 0.0)
        return self.token


@dataclass(slots=True)
class ClientCredentials:
    """Tokens of an application: Microsoft Entra ID and others.

    Args:
        url: the token endpoint.
    """

    url: str
    client_id: str
    secret: Secret = field(repr=False)
    scope: str
    _kept: _Kept = field(default_factory=_Kept, repr=False)

    def __call__(self) -> str:
        """A token that is still good.

        Raises:
            AccessDenied: the secret is not right.
            UnavailableError: the endpoint does not answer.
        """
        return self._kept.get(self._fetch)

    def _fetch(self) -> tuple[str, float]:
        form = {"grant_type": "client_credentials", "client_id": self.client_id, "scope": self.scope}
        return _token(self.url, form | {"client_secret": self.secret()})


@dataclass(slots=True)
class ServiceAccount:
    """Tokens of a Google service account, from the key file that Google gave out."""

    key_file: Secret = field(repr=False)
    scope: str
    token_url: str | None = None
    _kept: _Kept = field(default_factory=_Kept, repr=False)

    def __call__(self) -> str:
        """A token that is still good.

        Raises:
            InputError: the key file is none.
            AccessDenied: the key is not right.
            UnavailableError: the endpoint does not answer.
        """
        return self._kept.get(self._fetch)

    def _fetch(self) -> tuple[str, float]:
        email, key, url = _account(self.key_file())
        url = self.token_url or url
        now = int(time.time())
        claims = {"iss": email, "scope": self.scope, "aud": url, "iat": now, "exp": now + LIFE_S}
        signing = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}".encode()
        signature = key.sign(signing, padding.PKCS1v15(), SHA256())
        assertion = f"{signing.decode()}.{_encoded(signature)}"
        return _token(url, {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion})


def entra_url(directory: str, *, base: str = "https://login.microsoftonline.com") -> str:
    """The token endpoint of a Microsoft directory."""
    return f"{base}/{quote(directory, safe='')}/oauth2/v2.0/token"


def _account(text: str) -> tuple[str, rsa.RSAPrivateKey, str]:
    try:
        document = json.loads(text)
        key = load_pem_private_key(document["private_key"].encode(), password=None)
        email, url = str(document["client_email"]), str(document["token_uri"])
    except (ValueError, KeyError, TypeError, AttributeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise InputError(
            "not a key file of a service account",
            expected="client_email, private_key (RSA) and token_uri",
            todo="Create a JSON key for the service account",
        )
    return email, key, url


def _token(url: str, form: Mapping[str, str]) -> tuple[str, float]:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = call(url, body=urlencode(form).encode(), headers=headers)
    document = _read(answer)
    token, life = document.get("access_token"), document.get("expires_in", LIFE_S)
    if answer.status != 200 or not isinstance(token, str) or not isinstance(life, int | float):
        facts = {"host": urlsplit(url).netloc, "status": answer.status, "reason": document.get("error")}
        if 400 <= answer.status < 500:
            raise AccessDenied("no token for this credential", **facts, todo="Check the credential")
        raise UnavailableError("the token endpoint did not answer as it must", **facts)
    return token, float(life)


def _read(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _part(document: Mapping[str, object]) -> str:
    return _encoded(json.dumps(document, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
