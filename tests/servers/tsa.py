"""A time stamp authority: ``openssl ts`` behind a small HTTP server, with certificates of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.servers.loopback import listening

_CONFIGURATION = """
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[stamper]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = served
[served]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = {digest}
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""
RSA = ("rsa:2048",)
P384 = ("ec", "-pkeyopt", "ec_paramgen_curve:P-384")


@dataclass(frozen=True, slots=True)
class Authority:
    """Where it answers, and the certificates to check its tokens with."""

    url: str
    root: Path
    certificate: Path


@contextmanager
def serving(
    folder: Path, *, key: Sequence[str] = RSA, digest: str = "sha256", has_chain: bool = False
) -> Iterator[Authority]:
    """An authority with new keys.

    Args:
        has_chain: whether its tokens carry the root's certificate as well.
    """
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "openssl.cnf"
    chain = f"certs = {folder}/ca.pem\n" if has_chain else ""
    configuration.write_text(_CONFIGURATION.format(folder=folder, digest=digest) + chain)
    (folder / "serial").write_text("01\n")
    _make_certificates(folder, configuration, key)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "request.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            _openssl(
                *("ts", "-reply", "-config", configuration, "-section", "served"),
                *("-queryfile", folder / "request.tsq", "-out", folder / "reply.tsr"),
            )
            body = (folder / "reply.tsr").read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with listening(Handler) as url:
        yield Authority(url, folder / "ca.pem", folder / "tsa.pem")


def _make_certificates(folder: Path, configuration: Path, key: Sequence[str]) -> None:
    request = ("req", "-new", "-newkey", *key, "-nodes", "-config", "/dev/null")
    _openssl(
        *request,
        *("-x509", "-days", 30, "-subj", "/CN=Test root", "-keyout", folder / "ca.key", "-out", folder / "ca.pem"),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    _openssl(*request, "-subj", "/CN=Test TSA", "-keyout", folder / "tsa.key", "-out", folder / "tsa.csr")
    _openssl(
        *("x509", "-req", "-in", folder / "tsa.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key"),
        *("-CAcreateserial", "-days", 30, "-extfile", configuration, "-extensions", "stamper"),
        *("-out", folder / "tsa.pem"),
    )


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
