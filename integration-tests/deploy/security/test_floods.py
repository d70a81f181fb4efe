"""The holes of gRPC 1.51 that can be reached over the network, each tried on each of our servers: in plain text, behind TLS that asks for
no certificate, and by an attacker who has one. All on the loopback, all bounded.
"""

from __future__ import annotations

import resource
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from credentials import Credentials
from grpc_raw import REAL_REQUEST, call, serving
from http2 import CONTINUATION, END_HEADERS, HEADERS, PING, RST_STREAM, SETTINGS, RawClient, call_headers, frame, literal
from swarm_process import BINARIES, ServiceProcess

Start = Callable[..., ServiceProcess]
SERVICES = sorted(BINARIES)
ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}}


class Target:
    """A server, how an attacker reaches it, and whether it still serves others."""

    def __init__(self, service: ServiceProcess, credentials: Credentials | None, certificate: bool) -> None:
        self.service = service
        self._credentials = credentials
        self._certificate = certificate

    @property
    def path(self) -> str:
        return REAL_REQUEST[BINARIES[self.service.name]]

    def attacker(self) -> RawClient:
        return RawClient(self.service.grpc, self._tls(self._certificate) if self._credentials else None)

    def stranger(self) -> RawClient:
        """Who has no certificate."""
        return RawClient(self.service.grpc, self._tls(False))

    def answers(self) -> bool:
        if self._credentials is None:
            with grpc.insecure_channel(self.service.grpc) as channel:
                call(channel, self.path)
                return serving(channel)
        with self._credentials.channel(self.service.grpc, certificate=self._certificate) as channel:
            call(channel, self.path, token=self._credentials.token("admin"))
            return serving(channel)

    def _tls(self, certificate: bool) -> ssl.SSLContext:
        assert self._credentials is not None
        place = self._credentials.directory
        context = ssl.create_default_context(cafile=str(place / "ca.crt"))
        context.set_alpn_protocols(["h2"])
        if certificate:
            context.load_cert_chain(place / "client/tls.crt", place / "client/tls.key")
        return context


def _target(start_service: Start, credentials: Credentials, name: str, door: str) -> Target:
    if door == "plain":
        return Target(start_service(name, ALONE.get(name, {})), None, False)
    own = credentials.settings(BINARIES[name], require_client_cert=door == "mtls")
    return Target(start_service(name, ALONE.get(name, {}) | own), credentials, door == "mtls")


@pytest.fixture(params=[(name, door) for name in SERVICES for door in ("plain", "mtls")] + [("orchestrator", "tls")], ids="-".join)
def target(request: pytest.FixtureRequest, start_service: Start, credentials: Credentials) -> Target:
    return _target(start_service, credentials, *request.param)


def _resident_mib(service: ServiceProcess) -> float:
    for line in Path(f"/proc/{service.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def _cpu_seconds(service: ServiceProcess) -> float:
    fields = Path(f"/proc/{service.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_flood_of_connections_is_shed_and_the_listener_lives(target: Target) -> None:
    """CVE-2023-4785: accept4 fails for want of descriptors, and the listener is dead for good, client certificates or not."""
    service = target.service
    resource.prlimit(service.pid, resource.RLIMIT_NOFILE, (160, 160))
    host, _, port = service.grpc.rpartition(":")
    for _ in range(3):
        flood = []
        for _ in range(400):
            try:
                flood.append(socket.create_connection((host, int(port)), timeout=5))
            except ConnectionResetError:  # shed so quickly that connect() already sees it
                pass
        assert service.running
        for connection in flood:
            connection.close()
        deadline = time.monotonic() + 30
        while True:
            try:
                assert target.answers()
                break
            except grpc.RpcError:
                assert time.monotonic() < deadline, "the listener is dead"
                time.sleep(0.1)
    assert service.running


def test_endless_headers_cost_neither_memory_nor_time(target: Target) -> None:
    """CVE-2023-33953 and the CONTINUATION flood: 64 MB of headers for one call, and quadratic work on them."""
    assert target.answers()
    memory, cpu = _resident_mib(target.service), _cpu_seconds(target.service)
    block = literal(b"x-filler", b"x" * 100) * 140
    for _ in range(20):
        attacker = target.attacker()
        attacker.send(frame(HEADERS, 0, 1, call_headers(target.path)))
        sent = 0
        while sent < 64 << 20 and attacker.send(frame(CONTINUATION, 0, 1, block)):
            sent += len(block)
        assert attacker.closed_by_server()
        attacker.close()
    assert target.answers()
    assert _resident_mib(target.service) < memory + 40
    # TLS itself costs: 20 connections, each of which may send what its socket takes before it hears that it is closed.
    assert _cpu_seconds(target.service) < cpu + 3


def test_rapid_resets_are_cut_off(target: Target) -> None:
    """CVE-2023-44487: streams opened and reset as fast as the wire takes them drove the memory beyond 1 GB."""
    assert target.answers()
    memory = _resident_mib(target.service)
    headers = call_headers(target.path)
    for _ in range(5):
        attacker = target.attacker()
        sent = 0
        while sent < 100_000:
            pairs = b"".join(frame(HEADERS, END_HEADERS, 2 * n + 1, headers) + frame(RST_STREAM, 0, 2 * n + 1, b"\0\0\0\x08")
                             for n in range(sent, sent + 500))
            if not attacker.send(pairs):
                break
            sent += 500
        assert attacker.closed_by_server()
        assert sent < 100_000
        attacker.close()
    assert target.answers()
    assert _resident_mib(target.service) < memory + 200


@pytest.mark.parametrize("flood", [frame(SETTINGS, 0, 0), frame(PING, 0, 0, b"\0" * 8), frame(0x77, 0, 0, b"xyz")], ids=["settings", "ping", "unknown"])
def test_floods_of_control_frames_are_cut_off(start_service: Start, flood: bytes) -> None:
    target = Target(start_service("orchestrator", ALONE["orchestrator"]), None, False)
    attacker = target.attacker()
    sent = 0
    while sent < 200_000 and attacker.send(flood * 500):
        sent += 500
    assert attacker.closed_by_server()
    assert target.answers()


def test_the_header_that_aborts_servers_with_an_auth_processor_does_no_harm(target: Target) -> None:
    attacker = target.attacker()
    attacker.send(frame(HEADERS, END_HEADERS, 1, call_headers(target.path, (b"grpclb_client_stats", b"x"))))
    assert target.answers()
    attacker.close()


def test_a_bad_binary_header_ends_that_connection_only(target: Target) -> None:
    attacker = target.attacker()
    attacker.send(frame(HEADERS, END_HEADERS, 1, call_headers(target.path, (b"x-trace-bin", b"!!!not base64!!!"))))
    assert target.answers()
    attacker.close()


def test_garbage_ends_that_connection_only(target: Target) -> None:
    service = target.service
    host, _, port = service.grpc.rpartition(":")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00" + b"\xff" * 512, bytes(range(256)) * 64, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4096):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            try:
                connection.sendall(garbage)
                connection.settimeout(1)
                connection.recv(1024)
            except OSError:
                pass
    assert target.answers()


@pytest.mark.parametrize("name", SERVICES)
def test_without_a_certificate_nobody_gets_to_the_parser(start_service: Start, credentials: Credentials, name: str) -> None:
    """The floor beyond the loopback: what a stranger sends is never read as HTTP/2, however much of it."""
    target = _target(start_service, credentials, name, "mtls")
    assert target.answers()
    memory, cpu = _resident_mib(target.service), _cpu_seconds(target.service)
    flood = frame(HEADERS, 0, 1, call_headers(target.path)) + frame(CONTINUATION, 0, 1, literal(b"x-filler", b"x" * 100) * 140) * 64
    for _ in range(50):
        try:
            stranger = target.stranger()
        except OSError:  # with TLS 1.2 the handshake itself fails
            continue
        while stranger.send(flood):
            pass
        assert stranger.closed_by_server()
        stranger.close()
    assert target.answers()
    assert _resident_mib(target.service) < memory + 30
    assert _cpu_seconds(target.service) < cpu + 3
