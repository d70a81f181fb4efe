"""A model endpoint with a certificate of a private CA, which is handed in as Kubernetes does: as a file behind links that are exchanged."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clients import http
from credentials import Credentials
from eventually import eventually
from gateway.upstream import answer, completion, read_request
from swarm_process import ServiceProcess

BODY = {"model": "small", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}]}


@contextmanager
def endpoint(certificate: Path) -> Iterator[int]:
    """Answers each request over TLS; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "tls.crt", certificate / "tls.key")
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(plain: socket.socket) -> None:
        try:
            with context.wrap_socket(plain, server_side=True) as connection:
                while read_request(connection):
                    connection.sendall(answer(completion()))
        except OSError:
            pass  # a gateway that doesn't believe the certificate hangs up

    def accept() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(plain,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()


class Volume:
    """A projected volume: the file is a link to one below ..data, which is a link to the directory of the moment."""

    def __init__(self, place: Path, name: str, content: bytes) -> None:
        place.mkdir()
        self._place, self._name, self._edition = place, name, 0
        self.exchange(content)
        self.file = place / name
        self.file.symlink_to(Path("..data") / name)

    def exchange(self, content: bytes) -> None:
        self._edition += 1
        fresh = self._place / f"..{self._edition}"
        fresh.mkdir()
        (fresh / self._name).write_bytes(content)
        (self._place / "..next").symlink_to(fresh.name)
        os.replace(self._place / "..next", self._place / "..data")


@pytest.mark.timeout(120)
def test_an_endpoint_counts_by_the_given_authority_and_a_changed_one_is_taken_up(
    start_gateway: Callable[..., ServiceProcess], tmp_path: Path,
) -> None:
    ours, strangers = Credentials(tmp_path / "ours"), Credentials(tmp_path / "strangers")
    volume = Volume(tmp_path / "upstream-cas", "in-house.crt", (strangers.directory / "ca.crt").read_bytes())
    with endpoint(ours.directory / "client") as port:
        gateway = start_gateway({
            "upstreams": {"in-house": {"base_url": f"https://localhost:{port}/v1", "ca_file": str(volume.file), "retries_max": 0}},
            "models": {"small": {"upstream": "in-house", "free": True, "max_output_tokens": 10}},
            "reload.watch": "100ms",
        })

        def status() -> int:
            return http("POST", f"{gateway.http}/v1/chat/completions", BODY).status

        assert status() in (502, 503), "a certificate of another authority was believed"
        volume.exchange((ours.directory / "ca.crt").read_bytes())
        assert eventually(lambda: status() == 200, within=30), gateway.tail()
