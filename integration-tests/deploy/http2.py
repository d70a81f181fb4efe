"""HTTP/2 by hand: a client that speaks whatever it is told to, for attacks that no honest library would send."""

from __future__ import annotations

import socket
import ssl

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, END_HEADERS = 0x1, 0x4


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name: bytes, value: bytes) -> bytes:
    """A header field that is not put into the table; both parts shorter than 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def call_headers(path: str, *more: tuple[bytes, bytes]) -> bytes:
    fields = [(b":path", path.encode()), (b":authority", b"localhost"), (b"content-type", b"application/grpc"), (b"te", b"trailers"), *more]
    return b"\x83\x86" + b"".join(literal(n, v) for n, v in fields)


class RawClient:
    """One connection, preface and SETTINGS sent. Times out after 5 s of silence."""

    def __init__(self, address: str, tls: ssl.SSLContext | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._socket: socket.socket = socket.create_connection((host, int(port)), timeout=5)
        if tls is not None:
            self._socket = tls.wrap_socket(self._socket, server_hostname="localhost")
        self._socket.sendall(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, data: bytes) -> bool:
        """False once the server has closed."""
        try:
            self._socket.sendall(data)
            return True
        except OSError:
            return False

    def closed_by_server(self) -> bool:
        """Reads until the end; False when the server stays silent with the connection open."""
        try:
            while self._socket.recv(65536):
                pass
            return True
        except TimeoutError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        self._socket.close()
