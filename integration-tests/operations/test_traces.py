"""One trace from a call's own position through the services, as a collector gets it."""

from __future__ import annotations

import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

import swarm_sdk as sdk
from eventually import eventually
from swarm_process import ROOT, ModelServerProcess, ServiceProcess
from swarm_sdk import trace, wire
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings


class Collector(http.server.ThreadingHTTPServer):
    """Takes OTLP over HTTP with JSON, or HTTPS with a certificate of deploy/make-certs for localhost."""

    def __init__(self, certificates: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[dict[str, Any]] = []
        self._scheme = "http"
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "client/tls.crt", certificates / "client/tls.key")
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self._scheme = "https"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        return f"{self._scheme}://localhost:{self.server_address[1]}/v1/traces"


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # noqa: N802 - the base's name
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        for resource in body["resourceSpans"]:
            (service,) = [a["value"]["stringValue"] for a in resource["resource"]["attributes"] if a["key"] == "service.name"]
            self.server.spans.extend(span | {"service": service} for span in resource["scopeSpans"][0]["spans"])  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        yield running
        running.shutdown()


def test_a_failure_and_the_rule_made_of_it_are_one_trace(
    start_gateway: Callable[..., ServiceProcess], start_analyst: Callable[..., ServiceProcess], model_server: ModelServerProcess, collector: Collector,
) -> None:
    gateway = start_gateway(gateway_settings(f"{model_server.url}/v1") | {"traces.endpoint": collector.endpoint}, env={UPSTREAM_KEY_VARIABLE: "k"})
    analyst = start_analyst({"traces.endpoint": collector.endpoint, "gateway.address": gateway.grpc, "rules.threshold": 1, "author.mode": "model"})
    failure = sdk.Failure("t1", "Traceback (most recent call last):\nKeyError: 'price'", "e1", stack="python", role="Coder")
    with trace.scope(trace.start()) as agent, sdk.AnalystClient(analyst.grpc) as client:
        client.report_failure(failure)

    def of(service: str, name: str) -> list[dict[str, Any]]:
        return [s for s in collector.spans if s["service"] == service and s["name"].endswith(name) and s["traceId"] == agent.trace_id]

    eventually(lambda: of("llm-gateway", "LlmGatewayService/Complete"), within=20)
    eventually(lambda: of("analyst-service", "write a golden rule"))
    (report,), (writing,) = of("analyst-service", "Analyst/ReportFailure"), of("analyst-service", "write a golden rule")
    complete = of("llm-gateway", "LlmGatewayService/Complete")[0]
    assert writing["parentSpanId"] == report["spanId"]
    assert complete["parentSpanId"] == writing["spanId"]
    assert int(report["startTimeUnixNano"]) <= int(writing["startTimeUnixNano"]) <= int(complete["startTimeUnixNano"])


def _made_certificates(place: Path) -> Path:
    subprocess.run([str(ROOT / "deploy" / "make-certs"), str(place)], check=True, capture_output=True)
    return place


def test_a_collector_by_https_is_believed_by_its_certificate(start_orchestrator: Callable[..., ServiceProcess], tmp_path: Path) -> None:
    known, strange = _made_certificates(tmp_path / "known"), _made_certificates(tmp_path / "strange")
    with Collector(known) as collector:
        good = start_orchestrator({"traces.endpoint": collector.endpoint, "traces.ca_file": str(known / "ca.crt")})
        with sdk.OrchestratorClient(good.grpc) as client:
            client.submit(sdk.NewTask("x"))
        eventually(lambda: any(s["name"].endswith("SubmitTasks") for s in collector.spans))
        collector.spans.clear()
        for settings in ({"traces.ca_file": str(strange / "ca.crt")}, {"traces.ca_file": str(known / "ca.crt"), "name": "127.0.0.2"}):
            name = settings.pop("name", "localhost")
            bad = start_orchestrator(settings | {"traces.endpoint": collector.endpoint.replace("localhost", name)})
            with sdk.OrchestratorClient(bad.grpc) as client:
                client.submit(sdk.NewTask("x"))
            bad.wait_for_line(lambda line: "does not take spans" in str(line.get("msg")), 20)
        assert collector.spans == [], "nothing was told to a stranger"
        collector.shutdown()


def test_a_stream_in_both_directions_is_a_span_when_it_ends(start_analyst: Callable[..., ServiceProcess], collector: Collector) -> None:
    analyst = start_analyst({"traces.endpoint": collector.endpoint})
    report = wire.method("analyst.Analyst.ReportFailures")
    caller = trace.start()
    with grpc.insecure_channel(analyst.grpc) as channel:
        stream = channel.stream_stream(report.path, request_serializer=report.serializer, response_deserializer=report.deserializer)
        assert len(list(stream((report.request(sequence=n) for n in range(1, 4)), timeout=20, metadata=[("traceparent", caller.traceparent)]))) == 3
    eventually(lambda: [s for s in collector.spans if s["name"].endswith("Analyst/ReportFailures")])
    (span,) = (s for s in collector.spans if s["name"].endswith("Analyst/ReportFailures"))
    assert (span["traceId"], span["parentSpanId"]) == (caller.trace_id, caller.span_id)


def test_a_collector_that_is_away_changes_nothing(start_orchestrator: Callable[..., ServiceProcess]) -> None:
    service = start_orchestrator({"traces.endpoint": "http://127.0.0.1:1/v1/traces"})
    with sdk.OrchestratorClient(service.grpc) as client:
        for _ in range(50):
            client.submit(sdk.NewTask("x"))
    assert service.stop() == 0


def test_without_an_endpoint_nothing_is_sent(start_orchestrator: Callable[..., ServiceProcess], collector: Collector) -> None:
    service = start_orchestrator()
    with sdk.OrchestratorClient(service.grpc) as client:
        client.submit(sdk.NewTask("x"))
    assert service.stop() == 0
    assert collector.spans == []
