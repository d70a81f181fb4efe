"""Certificates by deploy/make-certs, tokens signed here: what an administrator's machine has."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import grpc

from tools import ROOT, run


class Credentials:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        done = run(ROOT / "deploy" / "make-certs", "--name", "swarm.test", directory)
        assert done.returncode == 0, done.stderr

    def settings(self, binary: str, *, require_client_cert: bool = True) -> dict[str, Any]:
        """tls.* and auth.* of one service."""
        own = self.directory / binary
        return {
            "tls.cert_file": str(own / "tls.crt"), "tls.key_file": str(own / "tls.key"), "tls.ca_file": str(own / "ca.crt"),
            "tls.require_client_cert": require_client_cert,
            "auth.jwks_file": str(self.directory / "auth" / "jwks.json"),
            "auth.signing_key_file": str(self.directory / "auth" / "signing-key.pem"),
        }

    def jwks(self, kid: str) -> bytes:
        """The public keys under another name."""
        keys = json.loads((self.directory / "auth" / "jwks.json").read_bytes())
        return json.dumps({"keys": [key | {"kid": kid} for key in keys["keys"]]}).encode()

    def token(self, role: str, *, lifetime: int = 600, kid: str = "swarm", **claims: Any) -> str:
        now = int(time.time())
        body = {"sub": "tester", "iss": "swarm", "aud": "swarm", "role": role, "iat": now, "nbf": now, "exp": now + lifetime} | claims
        signed = _part({"alg": "ES256", "typ": "JWT", "kid": kid}) + "." + _part({k: v for k, v in body.items() if v is not None})
        key = self.directory / "auth" / "signing-key.pem"
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", str(key)], input=signed.encode(), capture_output=True, check=True).stdout
        return signed + "." + _base64url(_raw_signature(der))

    def channel(self, address: str, *, certificate: bool = True) -> grpc.Channel:
        own = self.directory / "client"
        pair = ((own / "tls.key").read_bytes(), (own / "tls.crt").read_bytes()) if certificate else (None, None)
        credentials = grpc.ssl_channel_credentials((own / "ca.crt").read_bytes(), *pair)
        return grpc.secure_channel(address.replace("127.0.0.1", "localhost"), credentials)


def _raw_signature(der: bytes) -> bytes:
    """SEQUENCE of two INTEGERs -> r and s with 32 bytes each."""
    at, parts = 2, []
    for _ in range(2):
        length = der[at + 1]
        parts.append(int.from_bytes(der[at + 2:at + 2 + length], "big").to_bytes(32, "big"))
        at += 2 + length
    return b"".join(parts)


def _part(value: Any) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
