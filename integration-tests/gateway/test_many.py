"""Many at once: open streams, refusals in a storm; and the port behind TLS."""

from __future__ import annotations

import json
import selectors
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from clients import http

from gateway.budget import spend
from gateway.upstream import STREAM_HEAD, answer, chunk, completion, event, settings, upstream

BODY = {"model": "small", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}
STREAMS = 1000


def rss_mib(gateway: Any) -> float:
    for line in Path(f"/proc/{gateway.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no VmRSS")


class SlowStreams:
    """An upstream of one thread whose every answer is a stream that goes on when told to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=STREAMS)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/v1"
        self.open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._listener, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is self._listener:
                        ready.register(self._listener.accept()[0], selectors.EVENT_READ)
                        continue
                    connection = key.fileobj
                    ready.unregister(connection)
                    connection.recv(65536)  # a small request arrives whole
                    connection.sendall(STREAM_HEAD + event("first "))
                    self.open.append(connection)

    def say(self, raw: bytes) -> None:
        for connection in self.open:
            connection.sendall(raw)


def test_a_thousand_slow_streams_hold_memory_flat_and_all_end_well(start_gateway: Any) -> None:
    up = SlowStreams()
    gateway = start_gateway(settings(up.url, **{"budgets": {"global": {"limit_usd": 100}}}))
    http("GET", f"{gateway.http}/v1/models", None, KEY)
    idle = rss_mib(gateway)
    raw = json.dumps(BODY | {"stream": True}).encode()
    request = (b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\nconnection: close\r\n"
               + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
    callers = []
    try:
        for _ in range(STREAMS):
            caller = socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10)
            caller.sendall(request)
            callers.append(caller)
        for caller in callers:
            assert b"first" in caller.recv(65536)
        assert len(up.open) == STREAMS
        opened = rss_mib(gateway)
        for _ in range(5):
            up.say(event("word " * 200))
            for caller in callers:
                caller.recv(65536)
        later = rss_mib(gateway)
        up.say(chunk("data: [DONE]\n\n") + b"0\r\n\r\n")
        for caller in callers:
            received = b""
            while piece := caller.recv(65536):
                received += piece
            assert received.endswith(b"0\r\n\r\n") and b"[DONE]" in received
    finally:
        for caller in callers:
            caller.close()
    assert opened < 150, f"{opened:.0f} MiB with {STREAMS} streams, {idle:.0f} MiB idle"
    assert later < opened + 10, f"from {opened:.0f} to {later:.0f} MiB after five events in each"
    assert spend(gateway)["reserved"] == 0


def test_a_storm_of_429_is_passed_on_and_costs_nothing(start_gateway: Any) -> None:
    storm = [True]

    def serve(connection: socket.socket, _: bytes) -> None:
        if storm[0]:
            connection.sendall(answer({"error": {"message": "slow down"}}, "429 Too Many Requests", "retry-after: 30\r\n"))
        else:
            connection.sendall(answer(completion()))

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url))

        def chat(_: int) -> Any:
            return http("POST", f"{gateway.http}/v1/chat/completions", BODY, KEY)

        with ThreadPoolExecutor(32) as pool:
            refused = list(pool.map(chat, range(400)))
        assert {r.status for r in refused} == {429}
        assert {r.headers["retry-after"] for r in refused} == {"30"}
        assert len(up.requests) == 400, "what says retry-after: 30 is not asked again by the gateway"
        report = spend(gateway)
        assert report["current_spend"] == 0 and report["reserved"] == 0
        storm[0] = False
        assert chat(0).status == 200, "a limit that the provider names is no reason to rest"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # for asking with TLS 1.1
def test_the_http_port_speaks_tls(start_gateway: Any, tmp_path: Path) -> None:
    key, certificate = tmp_path / "tls.key", tmp_path / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   check=True, capture_output=True)

    def serve(connection: socket.socket, request: bytes) -> None:
        if b'"stream"' not in request:
            connection.sendall(answer(completion("x" * 100_000)))
            return
        connection.sendall(STREAM_HEAD)
        for word in ("one", "two", "three"):
            connection.sendall(event(word))
            time.sleep(0.05)
        connection.sendall(chunk("data: [DONE]\n\n") + b"0\r\n\r\n")

    with upstream(serve) as up:
        gateway = start_gateway(settings(up.url, **{"tls.cert_file": str(certificate), "tls.key_file": str(key)}))
        trust = ssl.create_default_context(cafile=str(certificate))
        port = gateway.ports["http"]

        def ask(more: dict[str, Any]) -> bytes:
            raw = json.dumps(BODY | more).encode()
            with socket.create_connection(("127.0.0.1", port), 10) as plain, trust.wrap_socket(plain, server_hostname="localhost") as caller:
                caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer sk-agent\r\nconnection: close\r\n"
                               + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
                received = b""
                while piece := caller.recv(65536):
                    received += piece
            return received

        whole = ask({})
        assert whole.startswith(b"HTTP/1.1 200 ") and b"x" * 100_000 in whole
        streamed = ask({"stream": True})
        assert b"three" in streamed and streamed.endswith(b"0\r\n\r\n")
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            plain.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
            assert not plain.recv(1000).startswith(b"HTTP/"), "no plain text beside TLS"
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", port), 10) as plain:
            try:
                old.wrap_socket(plain)
                raise AssertionError("TLS 1.1 was accepted")
            except (ssl.SSLError, OSError):
                pass
