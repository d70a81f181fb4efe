"""What the official model clients expect of a provider: one good answer on each path, plain and streamed."""

from __future__ import annotations

import base64
import json
import socket
import struct
from typing import Any

from gateway.upstream import STREAM_HEAD, answer, chunk, completion, event

MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "small", "stop_reason": "end_turn", "stop_sequence": None,
           "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 10, "output_tokens": 5}}
TOOL_CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1,"b":2}'}}
VECTOR = [0.5, -0.25]
RESPONSE = {"id": "resp_1", "object": "response", "created_at": 1, "model": "small", "status": "completed", "error": None,
            "incomplete_details": None, "instructions": None, "metadata": {}, "parallel_tool_calls": True, "temperature": 1.0,
            "tool_choice": "auto", "tools": [], "top_p": 1.0,
            "output": [{"type": "message", "id": "item_1", "role": "assistant", "status": "completed",
                        "content": [{"type": "output_text", "text": "hello", "annotations": []}]}],
            "usage": {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 5,
                      "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 15}}


def typed(fields: dict[str, Any]) -> str:
    return f"event: {fields['type']}\ndata: {json.dumps(fields)}\n\n"


def message_events() -> list[str]:
    return [typed(fields) for fields in (
        {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None, "usage": {"input_tokens": 10, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"})]


def response_events() -> list[str]:
    item = RESPONSE["output"][0]
    begun = RESPONSE | {"status": "in_progress", "output": [], "usage": None}
    where = {"item_id": "item_1", "output_index": 0, "content_index": 0}
    fields = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item | {"status": "in_progress", "content": []}},
        {"type": "response.content_part.added", "part": {"type": "output_text", "text": "", "annotations": []}} | where,
        {"type": "response.output_text.delta", "delta": "hello", "logprobs": []} | where,
        {"type": "response.output_text.done", "text": "hello", "logprobs": []} | where,
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": RESPONSE},
    ]
    return [typed(f | {"sequence_number": n}) for n, f in enumerate(fields)]


def stream(events: list[str]) -> bytes:
    return STREAM_HEAD + b"".join(chunk(e) for e in events) + b"0\r\n\r\n"


def embedding(body: dict[str, Any]) -> dict[str, Any]:
    raw = base64.b64encode(struct.pack("<2f", *VECTOR)).decode()
    return {"object": "list", "model": "small", "usage": {"prompt_tokens": 2, "total_tokens": 2},
            "data": [{"object": "embedding", "index": 0, "embedding": raw if body.get("encoding_format") == "base64" else VECTOR}]}


def chat(body: dict[str, Any]) -> bytes:
    if body.get("stream"):
        usage = chunk('data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}\n\n')
        return STREAM_HEAD + event("hel") + event("lo") + usage + chunk("data: [DONE]\n\n") + b"0\r\n\r\n"
    made = completion()
    if body.get("tools"):
        made["choices"][0] |= {"finish_reason": "tool_calls", "message": {"role": "assistant", "content": None, "tool_calls": [TOOL_CALL]}}
    return answer(made)


def serve(connection: socket.socket, request: bytes) -> None:
    head, _, raw = request.partition(b"\r\n\r\n")
    path = head.split(b" ")[1].decode().split("?")[0]
    body = json.loads(raw) if raw else {}
    if path == "/v1/messages":
        connection.sendall(stream(message_events()) if body.get("stream") else answer(MESSAGE))
    elif path == "/v1/messages/count_tokens":
        connection.sendall(answer({"input_tokens": 7}))
    elif path == "/v1/responses":
        connection.sendall(stream(response_events()) if body.get("stream") else answer(RESPONSE))
    elif path == "/v1/embeddings":
        connection.sendall(answer(embedding(body)))
    elif path == "/v1/chat/completions":
        connection.sendall(chat(body))
    else:
        connection.sendall(answer({"error": {"message": f"no such path: {path}"}}, "404 Not Found"))
