"""Upstreams that are spoken to in HTTP/2, with certificates verified, and through a proxy: libcurl's side of the gateway."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from clients import http

from gateway.budget import spend
from gateway.upstream import answer, completion, settings, upstream

BODY = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}
KEY = {"authorization": "Bearer sk-agent"}

# A provider that answers each path by what its body asks for, and says which protocol it was asked in.
SERVER = """
import http2 from "node:http2";
import fs from "node:fs";
const [key, cert] = process.argv.slice(1, 3);
const server = http2.createSecureServer({ key: fs.readFileSync(key), cert: fs.readFileSync(cert), allowHTTP1: true });
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
server.on("request", (req, res) => {
  let raw = "";
  req.on("data", (piece) => (raw += piece));
  req.on("end", async () => {
    const asked = raw ? JSON.parse(raw) : {};
    const said = asked.messages?.[0]?.content ?? "";
    if (said === "hang") return;
    if (said === "reset") return res.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    if (said === "cut") {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write('data: {"choices":[{"index":0,"delta":{"content":"one"}}]}\\n\\n');
      return setTimeout(() => res.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR), 100);
    }
    if (!asked.stream) {
      res.writeHead(200, { "content-type": "application/json", "x-protocol": req.httpVersion, "x-key": req.headers.authorization ?? "" });
      const content = said === "long" ? "x".repeat(3000000) : "hello";
      return res.end(JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }], usage }));
    }
    res.writeHead(200, { "content-type": "text/event-stream", "x-protocol": req.httpVersion });
    for (const word of ["one ", "two ", "three"]) {
      res.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: word } }] })}\\n\\n`);
      await new Promise((done) => setTimeout(done, 100));
    }
    res.write(`data: ${JSON.stringify({ choices: [], usage })}\\n\\n`);
    res.end("data: [DONE]\\n\\n");
  });
});
server.on("sessionError", () => {});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


class Provider:
    def __init__(self, key: Path, chain: Path) -> None:
        node = shutil.which("node")
        if node is None:
            pytest.skip("needs node, whose server speaks HTTP/2")
        self.process = subprocess.Popen([node, "--input-type=module", "-e", SERVER, "--", str(key), str(chain)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"https://127.0.0.1:{self.port}/v1"
        self.authority = str(chain)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def certificate(folder: Path) -> tuple[Path, Path]:
    key, chain = folder / "tls.key", folder / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-keyout", key, "-out", chain, "-subj", "/CN=provider", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    return key, chain


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(*certificate(tmp_path))
    yield made
    made.close()


def chat(gateway: Any, said: str = "hi", **more: Any) -> Any:
    return http("POST", f"{gateway.http}/v1/chat/completions", {"model": "small", "messages": [{"role": "user", "content": said}]} | more, KEY, 30)


def by_http2(provider: Provider, **upstream_settings: Any) -> dict[str, Any]:
    config = settings(provider.url)
    config["upstreams"]["m"] |= {"http2": True, "ca_file": provider.authority} | upstream_settings
    return config


def test_answers_and_streams_come_over_http2(start_gateway: Any, provider: Provider) -> None:
    gateway = start_gateway(by_http2(provider))
    got = chat(gateway)
    assert got.status == 200 and got.headers["x-protocol"] == "2.0" and got.headers["x-key"] == "Bearer sk-upstream-secret"
    assert got.json()["choices"][0]["message"]["content"] == "hello"
    assert len(chat(gateway, "long").json()["choices"][0]["message"]["content"]) == 3_000_000
    streamed = chat(gateway, stream=True)
    assert b"three" in streamed.body and streamed.body.endswith(b"data: [DONE]\n\n") and b"usage" not in streamed.body
    with ThreadPoolExecutor(40) as pool:
        assert {r.status for r in pool.map(lambda n: chat(gateway, stream=n % 2 == 0), range(200))} == {200}
    assert spend(gateway)["reserved"] == 0 and spend(gateway)["current_spend"] == pytest.approx(203 * 4.5e-6)


def test_each_event_is_passed_on_as_it_comes(start_gateway: Any, provider: Provider) -> None:
    gateway = start_gateway(by_http2(provider))
    raw = json.dumps(BODY | {"stream": True}).encode()
    with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
        caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\n" + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
        seen: dict[bytes, float] = {}
        received = b""
        while b"[DONE]" not in received:
            received += caller.recv(65536)
            for word in (b"one ", b"three"):
                if word in received:
                    seen.setdefault(word, time.monotonic())
    assert seen[b"three"] - seen[b"one "] > 0.1


def test_faults_of_http2_upstreams_are_honest(start_gateway: Any, provider: Provider) -> None:
    gateway = start_gateway(by_http2(provider, first_byte_timeout="500ms", connect_timeout="500ms", retries_max=0))
    hung = chat(gateway, "hang")
    assert (hung.status, hung.json()["error"]["code"]) == (504, "upstream_timeout")
    reset = chat(gateway, "reset")
    assert (reset.status, reset.json()["error"]["code"]) == (502, "upstream_closed")
    cut = chat(gateway, "cut", stream=True)
    assert b"one" in cut.body and b"upstream_closed" in cut.body and b"[DONE]" not in cut.body
    provider.close()
    gone = chat(gateway)
    assert (gone.status, gone.json()["error"]["code"]) == (502, "upstream_connect")
    assert spend(gateway)["reserved"] == 0


def test_a_caller_who_leaves_ends_the_stream(start_gateway: Any, provider: Provider) -> None:
    gateway = start_gateway(by_http2(provider))
    raw = json.dumps(BODY | {"stream": True}).encode()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", gateway.ports["http"]), 10) as caller:
            caller.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-agent\r\n" + f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
            caller.recv(65536)
    deadline = time.monotonic() + 5
    while spend(gateway)["reserved"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert chat(gateway).status == 200


@pytest.mark.parametrize("http2", [True, False])
def test_certificates_are_verified_against_the_chosen_authority(start_gateway: Any, provider: Provider, http2: bool) -> None:
    gateway = start_gateway(by_http2(provider, http2=http2))
    got = chat(gateway)
    assert got.status == 200 and got.headers["x-protocol"] == ("2.0" if http2 else "1.1")
    refused = chat(start_gateway(by_http2(provider, ca_file="", http2=http2, retries_max=0)))
    assert (refused.status, refused.json()["error"]["code"]) == (502, "upstream_connect"), "an unknown authority is no upstream"
    by_name = provider.url.replace("127.0.0.1", "localhost")
    elsewhere = by_http2(provider, base_url=by_name, http2=http2, retries_max=0)
    assert chat(start_gateway(elsewhere)).status == 502, "the name must be in the certificate"


def test_a_proxy_stands_between_where_it_is_asked_for_and_nowhere_else(start_gateway: Any) -> None:
    asked: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def proxy() -> None:
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            with caller:
                asked.append(caller.recv(65536))
                caller.sendall(answer(completion("by proxy")))

    threading.Thread(target=proxy, daemon=True).start()
    where = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with upstream(lambda connection, _: connection.sendall(answer(completion("straight")))) as up:
        config = settings(up.url)
        config["upstreams"]["m"]["proxy"] = where
        assert chat(start_gateway(config)).json()["choices"][0]["message"]["content"] == "by proxy"
        assert asked[0].startswith(f"POST {up.url}/chat/completions HTTP/1.1".encode())
        plain = start_gateway(settings(up.url), env={"http_proxy": where, "https_proxy": where, "ALL_PROXY": where})
        assert chat(plain).json()["choices"][0]["message"]["content"] == "straight"
    listener.close()


def test_http2_without_tls_is_refused_at_the_start(start_gateway: Any) -> None:
    config = settings("http://127.0.0.1:1/v1")
    config["upstreams"]["m"]["http2"] = True
    gateway = start_gateway(config, ready=False)
    assert gateway.wait_exit() == 2 and "over TLS only" in gateway.tail()
