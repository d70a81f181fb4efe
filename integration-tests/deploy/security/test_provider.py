"""Keys of an identity provider, asked for by URL: whose tokens count, and what a provider that is away, slow or hostile can do."""

from __future__ import annotations

import http.server
import json
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from credentials import Credentials
from eventually import eventually
from grpc_raw import REAL_REQUEST, call
from swarm_process import BINARIES, ServiceProcess

Start = Callable[..., ServiceProcess]
ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}}
ISSUER = "https://id.example.com"
ASKED_AGAIN_AFTER = 10.0


class Provider(http.server.ThreadingHTTPServer):
    """Publishes `keys`, or misbehaves as `mood` says."""

    daemon_threads = True

    def __init__(self, certificate: Path | None, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.keys = b'{"keys":[]}'
        self.mood = "well"
        self.asked = 0
        self.port = self.server_address[1]
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        pass  # a client that hangs up is part of the tests

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:  # noqa: N802 - the base's name
        self.server.asked += 1
        mood, body = self.server.mood, self.server.keys
        if mood == "huge":
            body = b'{"keys":[' + b" " * (2 << 20) + b"]}"
        elif mood == "many":
            body = json.dumps({"keys": [json.loads(body)["keys"][0] | {"kid": f"k{i}"} for i in range(101)]}).encode()
        elif mood == "deep":
            body = b'{"keys":' + b"[" * 100_000
        elif mood == "rubbish":
            body = b"<html>login</html>"
        elif mood == "none":
            body = b'{"keys":[]}'
        self.send_response({"moved": 302, "broken": 500}.get(mood, 200))
        if mood == "moved":
            self.send_header("location", "http://127.0.0.1:9/keys")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if mood == "slow":
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.3)
        else:
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> list[Credentials]:
    """Two keys of the provider, the second of which follows the first."""
    return [Credentials(tmp_path_factory.mktemp(name)) for name in ("company", "company-next")]


@pytest.fixture
def provider(credentials: Credentials, company: list[Credentials]) -> Iterator[Provider]:
    made = Provider(credentials.directory / "client")
    made.keys = company[0].jwks(kid="company-1")
    yield made
    made.close()


def _with_provider(start_service: Start, credentials: Credentials, name: str, port: int, **more: object) -> ServiceProcess:
    return start_service(name, ALONE.get(name, {}) | credentials.settings(BINARIES[name]) | {
        "auth.jwks_url": f"https://localhost:{port}/keys", "auth.jwks_ca_file": str(credentials.directory / "ca.crt"), "auth.jwks_issuer": ISSUER} | more)


def _accepted(channel: grpc.Channel, name: str, token: str) -> bool:
    try:
        call(channel, REAL_REQUEST[BINARIES[name]], token=token)
        return True
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
        return False


def _theirs(company: Credentials, kid: str, **claims: Any) -> str:
    return company.token("admin", kid=kid, **({"iss": ISSUER} | claims))


def _says(service: ServiceProcess, what: str) -> dict[str, Any]:
    return service.wait_for_line(lambda line: what in str(line.get("msg")), 30)


@pytest.mark.parametrize("name", sorted(BINARIES))
def test_its_keys_count_are_rotated_and_outlast_it(start_service: Start, credentials: Credentials, company: list[Credentials], provider: Provider, name: str) -> None:
    service = _with_provider(start_service, credentials, name, provider.port)
    first, second = _theirs(company[0], "company-1"), _theirs(company[1], "company-2")
    with credentials.channel(service.grpc) as channel:
        eventually(lambda: _accepted(channel, name, first), within=30)
        assert _accepted(channel, name, credentials.token("admin")), "our own keys count as before"
        assert not _accepted(channel, name, _theirs(company[0], "company-1", iss="swarm")), "it speaks for its own issuer only"
        assert not _accepted(channel, name, credentials.token("admin", iss=ISSUER)), "and nobody else for that"
        provider.keys = company[1].jwks(kid="company-2")
        eventually(lambda: _accepted(channel, name, second), within=60)
        assert not _accepted(channel, name, first), "a key that was withdrawn counts no more, for tokens seen before either"
        provider.close()
        assert _accepted(channel, name, second)


def test_it_may_come_later_and_readiness_says_that_it_is_missing(start_service: Start, credentials: Credentials, company: list[Credentials]) -> None:
    away = Provider(credentials.directory / "client")
    away.close()
    service = _with_provider(start_service, credentials, "analyst", away.port)
    _says(service, "identity provider can't be had")
    ready = f"http://127.0.0.1:{service.ports['admin']}/readyz"
    with urllib.request.urlopen(ready, timeout=10) as answer:  # ready all the same
        assert "token_keys" in answer.read().decode()
    with urllib.request.urlopen(f"http://127.0.0.1:{service.ports['admin']}/metrics", timeout=10) as answer:
        assert "swarm_auth_keys_fault 1" in answer.read().decode()
    back = Provider(credentials.directory / "client", away.port)
    back.keys = company[0].jwks(kid="company-1")
    try:
        with credentials.channel(service.grpc) as channel:
            assert _accepted(channel, "analyst", credentials.token("admin"))
            eventually(lambda: _accepted(channel, "analyst", _theirs(company[0], "company-1")), within=60)
        _says(service, "got the keys of the identity provider again")
    finally:
        back.close()


@pytest.mark.parametrize("mood", ["huge", "many", "deep", "rubbish", "moved", "broken", "none"])
def test_a_hostile_answer_gives_nobody_a_key(start_service: Start, credentials: Credentials, company: list[Credentials], provider: Provider, mood: str) -> None:
    provider.mood = mood
    service = _with_provider(start_service, credentials, "analyst", provider.port)
    _says(service, "identity provider can't be had")
    with credentials.channel(service.grpc) as channel:
        assert _accepted(channel, "analyst", credentials.token("admin"))
        assert not _accepted(channel, "analyst", _theirs(company[0], "company-1"))


def test_a_slow_answer_keeps_nobody_waiting_not_even_the_end(start_service: Start, credentials: Credentials, provider: Provider) -> None:
    provider.mood = "slow"
    service = _with_provider(start_service, credentials, "analyst", provider.port)
    eventually(lambda: provider.asked > 0, within=30)
    with credentials.channel(service.grpc) as channel:
        assert _accepted(channel, "analyst", credentials.token("admin"))
    assert service.stop() == 0
    service.start()
    line = _says(service, "identity provider can't be had")
    assert "no answer within" in str(line.get("why"))


def test_unknown_keys_make_us_ask_no_more_often_than_allowed(start_service: Start, credentials: Credentials, company: list[Credentials], provider: Provider) -> None:
    service = _with_provider(start_service, credentials, "analyst", provider.port)
    unknown = [company[1].token("admin", kid=f"nobody-{i}") for i in range(5)]
    started = time.monotonic()
    with credentials.channel(service.grpc) as channel:
        for i in range(300):
            assert not _accepted(channel, "analyst", unknown[i % len(unknown)])
        assert provider.asked <= 3 + (time.monotonic() - started) / ASKED_AGAIN_AFTER


def test_a_strange_certificate_is_not_believed(start_service: Start, credentials: Credentials, company: list[Credentials]) -> None:
    impostor = Provider(company[0].directory / "client")
    impostor.keys = company[0].jwks(kid="company-1")
    try:
        service = _with_provider(start_service, credentials, "analyst", impostor.port)
        _says(service, "identity provider can't be had")
        with credentials.channel(service.grpc) as channel:
            assert not _accepted(channel, "analyst", _theirs(company[0], "company-1"))
        assert impostor.asked == 0
    finally:
        impostor.close()


@pytest.mark.parametrize("url", ["http://id.example.com/keys", "http://127.example.com/keys", "http://0.0.0.0/keys", "ftp://127.0.0.1/keys", "https://me@127.0.0.1/keys"])
def test_addresses_that_cant_be_trusted_refuse_to_start(start_service: Start, credentials: Credentials, url: str) -> None:
    service = start_service("analyst", ALONE["analyst"] | credentials.settings("analyst-service") | {"auth.jwks_url": url}, ready=False)
    assert service.wait_exit() == 2
    assert "auth.jwks_url" in service.tail()


def test_on_the_loopback_plain_http_will_do_and_no_file_is_needed(start_service: Start, credentials: Credentials, company: list[Credentials]) -> None:
    provider = Provider(None)
    provider.keys = company[0].jwks(kid="company-1")
    try:
        settings = credentials.settings("analyst-service") | {"auth.jwks_file": "", "auth.signing_key_file": ""}
        service = start_service("analyst", ALONE["analyst"] | settings | {"auth.jwks_url": f"http://127.0.0.1:{provider.port}/keys"})
        with credentials.channel(service.grpc) as channel:
            eventually(lambda: _accepted(channel, "analyst", company[0].token("admin", kid="company-1")), within=30)
            assert not _accepted(channel, "analyst", credentials.token("admin"))
    finally:
        provider.close()


def test_a_withdrawn_key_of_the_file_counts_no_more(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    own, next_one = Credentials(tmp_path_factory.mktemp("own")), Credentials(tmp_path_factory.mktemp("next"))
    service = start_service("gateway", own.settings("llm-gateway"))
    token = own.token("admin")
    with own.channel(service.grpc) as channel:
        assert _accepted(channel, "gateway", token)
        (own.directory / "auth/jwks.json").write_bytes(next_one.jwks(kid="swarm-2"))
        eventually(lambda: not _accepted(channel, "gateway", token), within=30)
        assert _accepted(channel, "gateway", next_one.token("admin", kid="swarm-2"))
