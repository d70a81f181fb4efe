"""The official clients of both families with nothing changed but their base URL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from swarm_process import ROOT

from gateway.provider import VECTOR, serve
from gateway.upstream import Upstream, settings, upstream

MESSAGES = [{"role": "user", "content": "hi"}]


@contextmanager
def both_dialects(start_gateway: Any, **more: Any) -> Iterator[tuple[Any, Upstream]]:
    """The model "small" in OpenAI's dialect, "claude" in Anthropic's."""
    with upstream(serve) as up:
        config = settings(up.url, **more)
        config["upstreams"]["a"] = {"base_url": up.url, "dialect": "anthropic", "api_key": "sk-upstream-secret"}
        config["models"]["small"]["upstream"] = "m"
        config["models"]["claude"] = config["models"]["small"] | {"upstream": "a"}
        yield start_gateway(config), up


@pytest.mark.parametrize("credential", [{"api_key": "sk-agent"}, {"auth_token": "sk-agent"}])
def test_the_anthropic_client_works_unchanged(start_gateway: Any, credential: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    anthropic = pytest.importorskip("anthropic")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with both_dialects(start_gateway) as (gateway, up):
        client = anthropic.Anthropic(base_url=gateway.http, max_retries=0, **credential)
        plain = client.messages.create(model="claude", max_tokens=50, messages=MESSAGES)
        assert plain.content[0].text == "hello" and plain.usage.output_tokens == 5
        with client.messages.stream(model="claude", max_tokens=50, messages=MESSAGES) as streamed:
            assert "".join(streamed.text_stream) == "hello"
            assert streamed.get_final_message().usage.output_tokens == 5
        assert client.messages.count_tokens(model="claude", messages=MESSAGES).input_tokens == 7
        with pytest.raises(anthropic.NotFoundError):
            client.messages.create(model="unknown", max_tokens=50, messages=MESSAGES)
        wrong = anthropic.Anthropic(base_url=gateway.http, max_retries=0, **{name: "sk-wrong" for name in credential})
        with pytest.raises(anthropic.AuthenticationError):
            wrong.messages.create(model="claude", max_tokens=50, messages=MESSAGES)
        assert b"sk-agent" not in b"".join(up.requests)


def test_the_openai_clients_other_surfaces(start_gateway: Any) -> None:
    openai = pytest.importorskip("openai")
    with both_dialects(start_gateway) as (gateway, up):
        client = openai.OpenAI(base_url=f"{gateway.http}/v1", api_key="sk-agent", max_retries=0)
        assert client.models.retrieve("small").id == "small"
        for encoding in ({}, {"encoding_format": "float"}, {"encoding_format": "base64"}):
            made = client.embeddings.create(model="small", input="hi", **encoding).data[0].embedding
            assert isinstance(made, str) or list(made) == VECTOR
        assert client.responses.create(model="small", input="hi").output_text == "hello"
        events = list(client.responses.create(model="small", input="hi", stream=True))
        assert events[-1].type == "response.completed" and events[-1].response.output_text == "hello"
        tools = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}]
        called = client.chat.completions.create(model="small", messages=MESSAGES, tools=tools).choices[0].message.tool_calls
        assert called[0].function.name == "add" and json.loads(called[0].function.arguments) == {"a": 1, "b": 2}
        assert b'"tools":' in up.requests[-1]


def test_each_familys_client_reaches_the_other_familys_models(start_gateway: Any) -> None:
    openai, anthropic = pytest.importorskip("openai"), pytest.importorskip("anthropic")
    tool = {"name": "add", "description": "Adds.", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}}}
    with both_dialects(start_gateway) as (gateway, up):
        ours = openai.OpenAI(base_url=f"{gateway.http}/v1", api_key="sk-agent", max_retries=0)
        plain = ours.chat.completions.create(model="claude", messages=MESSAGES)
        assert plain.choices[0].message.content == "hello" and plain.usage.total_tokens == 15
        pieces = list(ours.chat.completions.create(model="claude", messages=MESSAGES, stream=True, stream_options={"include_usage": True}))
        assert "".join(p.choices[0].delta.content or "" for p in pieces if p.choices) == "hello"
        assert pieces[-1].usage.total_tokens == 15 and pieces[-2].choices[0].finish_reason == "stop"
        with pytest.raises(openai.BadRequestError):
            ours.chat.completions.create(model="claude", messages=MESSAGES, n=2)

        theirs = anthropic.Anthropic(base_url=gateway.http, api_key="sk-agent", max_retries=0)
        message = theirs.messages.create(model="small", max_tokens=50, system="Be brief.", messages=MESSAGES)
        assert message.content[0].text == "hello" and message.usage.output_tokens == 5 and message.stop_reason == "end_turn"
        assert b'"max_completion_tokens":50' in up.requests[-1] and b'{"role":"system","content":"Be brief."}' in up.requests[-1]
        called = theirs.messages.create(model="small", max_tokens=50, messages=MESSAGES, tools=[tool])
        assert called.stop_reason == "tool_use" and called.content[0].input == {"a": 1, "b": 2}
        with theirs.messages.stream(model="small", max_tokens=50, messages=MESSAGES) as streamed:
            assert "".join(streamed.text_stream) == "hello"
            assert streamed.get_final_message().usage.output_tokens == 5
        assert theirs.messages.count_tokens(model="small", messages=MESSAGES).input_tokens > 0


def test_node_clients_work_unchanged(start_gateway: Any) -> None:
    node, installed = shutil.which("node"), ROOT / "build" / "node_clients"
    if node is None or not (installed / "node_modules").is_dir():
        pytest.skip("needs node and the clients that scripts/setup installs where npm is found")
    script = (Path(__file__).parent / "node_clients" / "clients.mjs").read_text()
    with both_dialects(start_gateway) as (gateway, _):
        done = subprocess.run([node, "--input-type=module"], input=script, cwd=installed, capture_output=True, text=True,
                              timeout=60, env=os.environ | {"GATEWAY": gateway.http})
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert got.pop("openai_embedding") == VECTOR and got.pop("openai_refused") == "AuthenticationError"
    assert len(got) == 9 and set(got.values()) == {"hello"}


def test_langchain_and_litellm_work_unchanged(start_gateway: Any) -> None:
    python = ROOT / "build" / "client_sdks" / "bin" / "python"
    if not python.exists():
        pytest.skip("needs build/client_sdks, which scripts/setup --test makes")
    script = Path(__file__).parent / "python_clients" / "clients.py"
    with both_dialects(start_gateway) as (gateway, up):
        done = subprocess.run([python, script], capture_output=True, text=True, timeout=120, env=os.environ | {"GATEWAY": gateway.http})
        assert done.returncode == 0, done.stderr
        assert b"sk-agent" not in b"".join(up.requests)
    got = json.loads(done.stdout.splitlines()[-1])
    assert got.pop("langchain_embedding") == VECTOR and got.pop("litellm_embedding") == VECTOR
    assert got.pop("langchain_openai_tools") == {"a": 1, "b": 2} and got.pop("litellm_refused") == "AuthenticationError"
    assert len(got) == 7 and set(got.values()) == {"hello"}
