"""The shapes on the wire: OpenAI chat completions and Anthropic messages, plain and streamed."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Usage:
    prompt: int
    completion: int


def count_tokens(text: str) -> int:
    """Four characters a token: no tokenizer, but steady, and honest about being an estimate."""
    return max(1, (len(text) + 3) // 4)


def message_text(content: Any) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(p.get("text", "") for p in content if isinstance(p, dict) and p.get("type") == "text")
    return ""


def pieces(text: str) -> Iterator[str]:
    """The text as a stream would bring it: about three words at a time, nothing lost."""
    words = text.split(" ")
    for start in range(0, len(words), 3):
        yield (" " if start else "") + " ".join(words[start : start + 3])


# -- OpenAI -----------------------------------------------------------------------------------------------------------


def completion(model: str, text: str, usage: Usage | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": "scripted",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    }
    if usage is not None:
        body["usage"] = openai_usage(usage)
    return body


def openai_usage(usage: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }


def completion_events(model: str, text: str, usage: Usage | None, include_usage: bool) -> Iterator[bytes]:
    """Each event complete with its blank line, [DONE] last."""
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
        "system_fingerprint": "scripted",
    }

    def chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
        body: dict[str, Any] = head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
        if include_usage:
            body["usage"] = None
        return _data(body)

    yield chunk({"role": "assistant", "content": ""})
    for piece in pieces(text):
        yield chunk({"content": piece})
    yield chunk({}, "stop")
    if include_usage and usage is not None:
        yield _data(head | {"choices": [], "usage": openai_usage(usage)})
    yield b"data: [DONE]\n\n"


def openai_error(status: int, message: str) -> dict[str, Any]:
    kind = {401: "authentication_error", 404: "invalid_request_error", 400: "invalid_request_error",
            429: "rate_limit_error"}.get(status, "server_error")
    code = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}.get(status)
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


# -- Anthropic --------------------------------------------------------------------------------------------------------


def message(model: str, text: str, usage: Usage | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
    }
    if usage is not None:
        body["usage"] = {"input_tokens": usage.prompt, "output_tokens": usage.completion}
    return body


def message_events(model: str, text: str, usage: Usage | None) -> Iterator[bytes]:
    start = message(model, "", usage) | {"content": [], "stop_reason": None}
    if usage is not None:
        start["usage"] = {"input_tokens": usage.prompt, "output_tokens": 1}
    yield _event("message_start", {"message": start})
    yield _event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
    for piece in pieces(text):
        yield _event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
    yield _event("content_block_stop", {"index": 0})
    end: dict[str, Any] = {"delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    if usage is not None:
        end["usage"] = {"output_tokens": usage.completion}
    yield _event("message_delta", end)
    yield _event("message_stop", {})


def anthropic_error(status: int, text: str) -> dict[str, Any]:
    kind = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error",
            429: "rate_limit_error", 529: "overloaded_error"}.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": text}}


def _data(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


def _event(name: str, body: dict[str, Any]) -> bytes:
    return f"event: {name}\n".encode() + _data({"type": name} | body)
