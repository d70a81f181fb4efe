"""Connections that die without a word, as when a machine or the network between goes: no end, no error, just silence."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

import swarm_sdk as sdk
from fake_services import FakeOrchestrator
from test_clients import answer_submit

OPTIONS = sdk.ConnectionOptions(timeout=1.0, within=40.0, keepalive=1.5)


class MutingProxy:
    """Forwards connections to a port. What a muted connection is sent, it swallows; it stays open."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._muted = threading.Event()  # of the connections so far
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def mute(self) -> None:
        self._muted.set()
        self._muted = threading.Event()

    def close(self) -> None:
        for one in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                self._sockets += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(*ends, self._muted), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, muted: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not muted.is_set():
                    sink.sendall(data)


@pytest.fixture
def proxy(orchestrator: FakeOrchestrator) -> Iterator[MutingProxy]:
    orchestrator.on("SubmitTasks")(answer_submit)
    proxy = MutingProxy(orchestrator.port)
    yield proxy
    proxy.close()


def test_a_call_finds_another_connection_when_its_own_died(proxy: MutingProxy) -> None:
    with sdk.OrchestratorClient(proxy.address, OPTIONS) as client:
        assert client.submit(sdk.NewTask("x")).created
        proxy.mute()
        assert client.submit(sdk.NewTask("y")).created


def test_an_awaited_call_does_too(proxy: MutingProxy) -> None:
    async def main() -> None:
        async with sdk.AsyncOrchestratorClient(proxy.address, OPTIONS) as client:
            assert (await client.submit(sdk.NewTask("x"))).created
            proxy.mute()
            assert (await client.submit(sdk.NewTask("y"))).created

    asyncio.run(main())
