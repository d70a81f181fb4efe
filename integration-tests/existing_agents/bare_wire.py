"""Calls as the wire facts say, with no message classes at all: fields by number, built and read by hand. What our own
protos and generated code say plays no part, so a renumbered field or a renamed method can't hide behind them."""

from __future__ import annotations

from collections.abc import Mapping

import grpc

Value = str | int | bool | list["str | bytes"]


def encode(fields: Mapping[int, Value | bytes]) -> bytes:
    """A proto3 message; lists are repeated fields of length-delimited values."""
    out = b""
    for number, value in fields.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, bool | int):
                out += _varint(number << 3) + _varint(int(one) & (2**64 - 1))
            else:
                raw = one.encode() if isinstance(one, str) else one
                out += _varint(number << 3 | 2) + _varint(len(raw)) + raw
    return out


def decode(body: bytes) -> dict[int, list[bytes]]:
    """Length-delimited fields by number, in their order; any other wire type is an error."""
    fields: dict[int, list[bytes]] = {}
    at = 0
    while at < len(body):
        key, at = _read_varint(body, at)
        assert key & 7 == 2, f"field {key >> 3} has wire type {key & 7}"
        size, at = _read_varint(body, at)
        fields.setdefault(key >> 3, []).append(body[at : at + size])
        at += size
    return fields


def call(address: str, path: str, fields: Mapping[int, Value | bytes], timeout: float) -> dict[int, list[bytes]]:
    """Plain text, no metadata, default options, a channel of its own. Raises grpc.RpcError."""
    with grpc.insecure_channel(address) as channel:
        return decode(channel.unary_unary(path)(encode(fields), timeout=timeout))


def text(answer: dict[int, list[bytes]], number: int = 1) -> str:
    """A string field that may be left out when it is empty; no other field may be there."""
    assert answer.keys() <= {number} and len(answer.get(number, [])) <= 1, answer
    return answer[number][0].decode() if answer else ""


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
