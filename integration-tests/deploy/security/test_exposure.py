"""Beyond the loopback: nothing without TLS and authentication, nobody without certificate and token."""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from credentials import Credentials
from grpc_raw import REAL_REQUEST, call, serving
from http2 import PING, RawClient, frame
from swarm_process import BINARIES, ServiceProcess
from swarm_sdk import wire

Start = Callable[..., ServiceProcess]
SERVICES = sorted(BINARIES)
ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}}


def _secured(start_service: Start, credentials: Credentials, name: str, **more: object) -> ServiceProcess:
    return start_service(name, ALONE.get(name, {}) | credentials.settings(BINARIES[name]) | more)


@pytest.mark.parametrize("name", SERVICES)
def test_an_open_bind_without_tls_and_tokens_refuses_to_start(start_service: Start, name: str) -> None:
    service = start_service(name, ALONE.get(name, {}) | {"grpc.listen": "0.0.0.0:0"}, ready=False)
    assert service.wait_exit() == 2
    assert "without TLS and authentication" in service.tail()


def test_an_open_http_bind_without_tls_refuses_to_start(start_service: Start) -> None:
    service = start_service("gateway", {"http.listen": "0.0.0.0:0"}, ready=False)
    assert service.wait_exit() == 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_caller_needs_certificate_and_token(start_service: Start, credentials: Credentials, name: str) -> None:
    service = _secured(start_service, credentials, name)
    method = REAL_REQUEST[BINARIES[name]]
    with credentials.channel(service.grpc) as channel:
        assert serving(channel)
        call(channel, method, token=credentials.token("admin"))
        for bad in (None, "no.token.atall", credentials.token("admin", aud="somebody-else"), credentials.token("admin", iss="mallory"),
                    credentials.token("admin", exp=int(time.time()) - 600), credentials.token("admin", lifetime=7200), credentials.token("emperor")):
            with pytest.raises(grpc.RpcError) as refused:
                call(channel, method, token=bad)
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    with credentials.channel(service.grpc, certificate=False) as channel, pytest.raises(grpc.RpcError) as refused:
        call(channel, method, token=credentials.token("admin"), timeout=5)
    assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def _forged(header: dict[str, object], body: dict[str, object], signature: bytes) -> str:
    parts = [base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in (json.dumps(header).encode(), json.dumps(body).encode(), signature)]
    return ".".join(parts)


@pytest.mark.parametrize("name", SERVICES)
def test_hostile_tokens_are_refused_by_each_service(start_service: Start, credentials: Credentials, name: str) -> None:
    service = _secured(start_service, credentials, name)
    now = int(time.time())
    body = {"sub": "x", "iss": "swarm", "aud": "swarm", "role": "admin", "iat": now, "exp": now + 600}
    jwks = (credentials.directory / "auth/jwks.json").read_bytes()
    public = subprocess.run(["openssl", "pkey", "-in", str(credentials.directory / "auth/signing-key.pem"), "-pubout"], capture_output=True, check=True).stdout
    good = credentials.token("admin")
    head, payload, signature = good.split(".")

    def hmac_with(secret: bytes) -> str:  # the public key taken for a shared secret
        signed = _forged({"alg": "HS256", "kid": "swarm"}, body, b"").rstrip(".")
        return signed + "." + base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), "sha256")).rstrip(b"=").decode()

    raised = base64.urlsafe_b64encode(json.dumps(body | {"role": "admin", "sub": "mallory"}).encode()).rstrip(b"=").decode()
    bad = {
        "none": _forged({"alg": "none", "kid": "swarm"}, body, b""),
        "None": _forged({"alg": "None", "kid": "swarm"}, body, b""),
        "confusion with the PEM": hmac_with(public),
        "confusion with the JWKS": hmac_with(jwks),
        "another algorithm": _forged({"alg": "RS256", "kid": "swarm"}, body, b"x" * 256),
        "unknown kid": _forged({"alg": "ES256", "kid": "other"}, body, b"x" * 64),
        "no kid": _forged({"alg": "ES256"}, body, b"x" * 64),
        "a key in the header": _forged({"alg": "ES256", "kid": "swarm", "jwk": json.loads(jwks)["keys"][0]}, body, b"x" * 64),
        "an empty signature": f"{head}.{payload}.",
        "another payload": f"{head}.{raised}.{signature}",
        "future nbf": credentials.token("admin", nbf=now + 3600),
        "issued in the future": credentials.token("admin", iat=now + 3600, exp=now + 4000),
        "no exp": credentials.token("admin", exp=None),
        "no sub": credentials.token("admin", sub=None),
        "no aud": credentials.token("admin", aud=None),
        "expired": credentials.token("admin", iat=now - 1200, exp=now - 600),
        "too long a life": credentials.token("admin", lifetime=901),
        "oversize": credentials.token("admin", padding="x" * 9000),
        "junk": "a" * 2000,
        "dots": "." * 50,
    }
    with credentials.channel(service.grpc) as channel:
        call(channel, REAL_REQUEST[BINARIES[name]], token=good)
        for what, token in bad.items():
            with pytest.raises(grpc.RpcError) as refused:
                call(channel, REAL_REQUEST[BINARIES[name]], token=token)
            assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED, what
        call(channel, REAL_REQUEST[BINARIES[name]], token=good)
    log = service.log_path.read_text("utf-8")
    assert signature not in log and payload not in log


def test_a_role_may_do_what_its_table_says(start_service: Start, credentials: Credentials) -> None:
    service = _secured(start_service, credentials, "gateway")
    with credentials.channel(service.grpc) as channel:
        call(channel, "/llm_gateway.BudgetControl/GetCurrentSpend", token=credentials.token("viewer"))
        with pytest.raises(grpc.RpcError) as refused:
            call(channel, "/llm_gateway.BudgetControl/ResetBudget", token=credentials.token("viewer"))
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_a_token_bound_to_another_certificate_is_refused(start_service: Start, credentials: Credentials) -> None:
    service = _secured(start_service, credentials, "orchestrator")
    with credentials.channel(service.grpc) as channel, pytest.raises(grpc.RpcError) as refused:
        call(channel, REAL_REQUEST["orchestrator-core"], token=credentials.token("admin", cert_fingerprint="ab" * 32))
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED


def test_an_agent_renews_its_token_and_keeps_who_it_is(start_service: Start, credentials: Credentials) -> None:
    service = _secured(start_service, credentials, "orchestrator")
    renew = wire.method("operations.Operations.RenewToken")
    with credentials.channel(service.grpc) as channel:
        first = credentials.token("agent", sub="coder-1", team="red", lifetime=120)
        answer = renew.response.FromString(call(channel, renew.path, token=first))
        claims = json.loads(base64.urlsafe_b64decode(answer.token.split(".")[1] + "=="))
        assert (claims["sub"], claims["team"], claims["role"]) == ("coder-1", "red", "agent")
        assert claims["exp"] == answer.expires_unix_ms // 1000 and claims["exp"] > time.time() + 600
        call(channel, renew.path, token=answer.token)
        with pytest.raises(grpc.RpcError) as refused:
            call(channel, "/operations.Operations/MintToken", token=answer.token)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        with pytest.raises(grpc.RpcError) as refused:
            call(channel, renew.path)
        assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
    (file,) = (service.data_dir / "audit").glob("*.jsonl")
    denied = [line for line in map(json.loads, file.read_text("utf-8").splitlines()) if line["event"] == "denied"]
    assert [line["method"].rsplit("/", 1)[1] for line in denied] == ["MintToken", "RenewToken"]


def test_secured_services_find_and_trust_each_other(start_service: Start, credentials: Credentials) -> None:
    gateway = start_service("gateway", credentials.settings("llm-gateway"))
    peer = gateway.grpc.replace("127.0.0.1", "localhost")
    analyst = start_service("analyst", credentials.settings("analyst-service") | {"gateway.address": peer, "orchestrator.address": ""})
    orchestrator = start_service("orchestrator", credentials.settings("orchestrator-core") | {
        "gateway.address": peer, "analyst.address": analyst.grpc.replace("127.0.0.1", "localhost")})
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and _peer_faults(orchestrator):
        time.sleep(0.1)
    assert _peer_faults(orchestrator) == []


def _peer_faults(service: ServiceProcess) -> list[str]:
    import json
    import urllib.request

    with urllib.request.urlopen(f"{service.admin}/readyz", timeout=5) as answer:
        return [f"{c['name']}: {c['detail']}" for c in json.load(answer)["checks"] if not c["ok"]]


def test_a_silent_client_is_hung_up_on(start_service: Start, credentials: Credentials) -> None:
    """A connection that never finishes its handshake must not be kept."""
    service = _secured(start_service, credentials, "orchestrator")
    host, _, port = service.grpc.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=15) as silent:
        started = time.monotonic()
        try:
            assert silent.recv(1) == b""
        except ConnectionResetError:
            pass
        assert time.monotonic() - started < 8


@pytest.mark.parametrize("name", SERVICES)
def test_who_asks_nothing_after_the_handshake_is_let_go(start_service: Start, credentials: Credentials, name: str) -> None:
    """A connection that was opened well, by whoever it was, and never brings a call."""
    service = _secured(start_service, credentials, name, **{"connections.idle_max": "1s", "tls.require_client_cert": False})
    context = ssl.create_default_context(cafile=str(credentials.directory / "ca.crt"))
    context.set_alpn_protocols(["h2"])
    idle = RawClient(service.grpc, context)
    started = time.monotonic()
    assert idle.closed_by_server() and time.monotonic() - started < 5
    idle.close()


@pytest.mark.parametrize("name", SERVICES)
def test_who_pings_too_often_is_sent_away(start_service: Start, credentials: Credentials, name: str) -> None:
    """Keep-alive abuse: a ping in each 50 ms, without a call, is far below what the flood filter minds."""
    service = _secured(start_service, credentials, name, **{"tls.require_client_cert": False})
    context = ssl.create_default_context(cafile=str(credentials.directory / "ca.crt"))
    context.set_alpn_protocols(["h2"])
    client = RawClient(service.grpc, context)
    for _ in range(60):
        if not client.send(frame(PING, 0, 0, b"\0" * 8)):
            break
        time.sleep(0.05)
    assert client.closed_by_server()
    client.close()


def test_the_descriptor_limit_is_raised_at_the_start(start_service: Start) -> None:
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for name in SERVICES:
        service = start_service(name, ALONE.get(name, {}))
        soft, _ = resource.prlimit(service.pid, resource.RLIMIT_NOFILE)
        assert soft >= min(hard, 65_536), name


@pytest.mark.parametrize(("setting", "content", "says"), [
    ("tls.cert_file", "nonsense", "cert_file: holds no PEM certificate"), ("tls.cert_file", "", "cert_file: holds no PEM certificate"),
    ("tls.key_file", "nonsense", "key_file: holds no PEM private key"), ("tls.key_file", "auth/signing-key.pem", "is not the key of"),
    ("tls.key_file", "client/tls.crt", "key_file: holds no PEM private key"), ("tls.ca_file", "nonsense", "ca_file: holds no PEM certificate")])
def test_files_that_are_no_certificates_refuse_to_start(
    start_service: Start, credentials: Credentials, tmp_path: Path, setting: str, content: str, says: str
) -> None:
    given = credentials.directory / content
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(given.read_bytes() if given.is_file() else content.encode())
    service = start_service("analyst", ALONE["analyst"] | credentials.settings("analyst-service") | {setting: str(wrong)}, ready=False)
    assert service.wait_exit() == 2
    assert says in service.tail(), service.tail()


def test_metrics_tell_when_the_certificate_ends(start_service: Start, credentials: Credentials) -> None:
    for name in SERVICES:
        with urllib.request.urlopen(_secured(start_service, credentials, name).admin + "/metrics", timeout=5) as answer:
            (line,) = re.findall(rb"^swarm_tls_certificate_expiry_timestamp_seconds (\S+)$", answer.read(), re.MULTILINE)
        assert 364 * 86400 < float(line) - time.time() < 366 * 86400


def test_a_rotated_certificate_is_taken_up_without_a_restart(start_service: Start, tmp_path_factory: pytest.TempPathFactory) -> None:
    own = Credentials(tmp_path_factory.mktemp("rotated"))
    service = _secured(start_service, own, "analyst")

    def serial() -> str:
        context = ssl.create_default_context(cafile=str(own.directory / "ca.crt"))
        context.load_cert_chain(own.directory / "client/tls.crt", own.directory / "client/tls.key")
        host, _, port = service.grpc.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
            return str(tls.getpeercert()["serialNumber"])  # type: ignore[index]

    before = serial()
    from tools import ROOT, run

    assert run(ROOT / "deploy" / "make-certs", "--renew", own.directory).returncode == 0
    deadline = time.monotonic() + 90
    while serial() == before:
        assert time.monotonic() < deadline, "the old certificate is still shown"
        time.sleep(2)
