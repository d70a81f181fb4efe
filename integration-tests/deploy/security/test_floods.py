"""The holes of gRPC 1.51 that can be reached over the network, each tried on each of our servers. All on the loopback, all bounded."""

from __future__ import annotations

import resource
import socket
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from grpc_raw import REAL_REQUEST, call, serving
from http2 import CONTINUATION, END_HEADERS, HEADERS, PING, RST_STREAM, SETTINGS, RawClient, call_headers, frame, literal
from swarm_process import BINARIES, ServiceProcess

Start = Callable[..., ServiceProcess]
SERVICES = sorted(BINARIES)
ALONE = {"orchestrator": {"analyst.address": "", "gateway.address": ""}, "analyst": {"orchestrator.address": "", "gateway.address": ""}}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, start_service: Start) -> ServiceProcess:
    return start_service(request.param, ALONE.get(request.param, {}))


def _path(service: ServiceProcess) -> str:
    return REAL_REQUEST[BINARIES[service.name]]


def _answers(service: ServiceProcess) -> bool:
    with grpc.insecure_channel(service.grpc) as channel:
        call(channel, _path(service))
        return serving(channel)


def _resident_mib(service: ServiceProcess) -> float:
    for line in Path(f"/proc/{service.pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


def _cpu_seconds(service: ServiceProcess) -> float:
    fields = Path(f"/proc/{service.pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_a_flood_of_connections_is_shed_and_the_listener_lives(service: ServiceProcess) -> None:
    """CVE-2023-4785: accept4 fails for want of descriptors, and the listener is dead for good."""
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
        deadline = time.monotonic() + 10
        while True:
            try:
                assert _answers(service)
                break
            except grpc.RpcError:
                assert time.monotonic() < deadline, "the listener is dead"
                time.sleep(0.1)
    assert service.running


def test_endless_headers_cost_neither_memory_nor_time(service: ServiceProcess) -> None:
    """CVE-2023-33953 and the CONTINUATION flood: 64 MB of headers for one call, and quadratic work on them."""
    assert _answers(service)
    memory, cpu = _resident_mib(service), _cpu_seconds(service)
    block = literal(b"x-filler", b"x" * 100) * 140
    for _ in range(20):
        attacker = RawClient(service.grpc)
        attacker.send(frame(HEADERS, 0, 1, call_headers(_path(service))))
        sent = 0
        while sent < 64 << 20 and attacker.send(frame(CONTINUATION, 0, 1, block)):
            sent += len(block)
        assert attacker.closed_by_server()
        attacker.close()
    assert _answers(service)
    assert _resident_mib(service) < memory + 40
    assert _cpu_seconds(service) < cpu + 2


def test_rapid_resets_are_cut_off(service: ServiceProcess) -> None:
    """CVE-2023-44487: streams opened and reset as fast as the wire takes them drove the memory beyond 1 GB."""
    assert _answers(service)
    memory = _resident_mib(service)
    headers = call_headers(_path(service))
    for _ in range(5):
        attacker = RawClient(service.grpc)
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
    assert _answers(service)
    assert _resident_mib(service) < memory + 120


@pytest.mark.parametrize("flood", [frame(SETTINGS, 0, 0), frame(PING, 0, 0, b"\0" * 8), frame(0x77, 0, 0, b"xyz")], ids=["settings", "ping", "unknown"])
def test_floods_of_control_frames_are_cut_off(start_service: Start, flood: bytes) -> None:
    service = start_service("orchestrator", ALONE["orchestrator"])
    attacker = RawClient(service.grpc)
    sent = 0
    while sent < 200_000 and attacker.send(flood * 500):
        sent += 500
    assert attacker.closed_by_server()
    assert _answers(service)


def test_the_header_that_aborts_servers_with_an_auth_processor_does_no_harm(service: ServiceProcess) -> None:
    attacker = RawClient(service.grpc)
    attacker.send(frame(HEADERS, END_HEADERS, 1, call_headers(_path(service), (b"grpclb_client_stats", b"x"))))
    assert _answers(service)
    attacker.close()


def test_a_bad_binary_header_ends_that_connection_only(service: ServiceProcess) -> None:
    attacker = RawClient(service.grpc)
    attacker.send(frame(HEADERS, END_HEADERS, 1, call_headers(_path(service), (b"x-trace-bin", b"!!!not base64!!!"))))
    assert _answers(service)
    attacker.close()


def test_garbage_ends_that_connection_only(service: ServiceProcess) -> None:
    host, _, port = service.grpc.rpartition(":")
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00" + b"\xff" * 512, bytes(range(256)) * 64, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 4096):
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            try:
                connection.sendall(garbage)
                connection.settimeout(1)
                connection.recv(1024)
            except OSError:
                pass
    assert _answers(service)
