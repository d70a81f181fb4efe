"""Complete, as both generations of clients call it: 1.5 s deadline, then the same call again."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from eventually import eventually
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings

import swarm_sdk as sdk

DEADLINE = 1.5


@pytest.fixture
def gateway(start_gateway: Callable[..., Any], model_server: Any) -> Any:
    return start_gateway(gateway_settings(f"{model_server.url}/v1"), env={UPSTREAM_KEY_VARIABLE: "k"})


@pytest.fixture
def complete(gateway: Any, legacy_channel: Any, generation: Any) -> Callable[..., str]:
    stub = generation.stubs.LlmGatewayServiceStub(legacy_channel(gateway.grpc))

    def call(timeout: float = DEADLINE, **fields: Any) -> str:
        request = generation.messages.CompletionRequest(**{"model": "scripted"} | fields)
        return stub.Complete(request, timeout=timeout).completion

    return call


def test_a_prompt_is_answered(complete: Callable[..., str], model_server: Any) -> None:
    assert complete(prompt="hello there", system_prompt="be brief") == "scripted: hello there"
    (request,) = model_server.requests()
    assert [m["role"] for m in request["body"]["messages"]] == ["system", "user"]


def test_messages_override_the_prompt(complete: Callable[..., str]) -> None:
    messages = json.dumps([{"role": "user", "content": "from the list"}])
    assert complete(prompt="ignored", messages_json=messages) == "scripted: from the list"


def test_json_mode_yields_json(complete: Callable[..., str], model_server: Any) -> None:
    json.loads(complete(prompt='answer with {"a": 1}', json_mode=True, timeout=5.0))
    assert model_server.requests()[0]["body"]["response_format"]["type"] == "json_object"


def test_identical_calls_in_flight_are_one(complete: Callable[..., str], model_server: Any) -> None:
    model_server.fault("latency", ms=400)
    answers: list[str] = []
    callers = [threading.Thread(target=lambda: answers.append(complete(prompt="the same"))) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert answers == ["scripted: the same"] * 8
    assert len(model_server.requests()) == 1


def test_the_retry_of_a_call_that_took_too_long_is_answered_from_its_result(
    complete: Callable[..., str], gateway: Any, model_server: Any
) -> None:
    model_server.fault("latency", ms=900)
    with pytest.raises(grpc.RpcError) as raised:
        complete(prompt="slow one", timeout=0.3)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert complete(prompt="slow one", timeout=5.0) == "scripted: slow one"
    assert len(model_server.requests()) == 1, "the prompt was paid for once"
    with sdk.BudgetClient(gateway.grpc) as budget:
        assert budget.spend().requests == 1


def test_six_retries_of_a_slow_answer_are_one_payment(complete: Callable[..., str], gateway: Any, model_server: Any) -> None:
    model_server.fault("latency", ms=1500)
    for _ in range(6):
        with contextlib.suppress(grpc.RpcError):
            assert complete(prompt="very slow", timeout=0.35) == "scripted: very slow"
            break
    assert len(model_server.requests()) == 1
    with sdk.BudgetClient(gateway.grpc) as budget:
        assert budget.spend().requests == 1


def test_an_answer_that_crosses_the_clients_deadline_is_not_paid_again(complete: Callable[..., str], model_server: Any) -> None:
    """Whichever of the two comes first: sent by the gateway is not yet received by the client."""
    crossed = 0
    for number in range(40):
        model_server.fault("latency", ms=100)
        prompt = f"crossing {number}"
        try:
            complete(prompt=prompt, timeout=0.1 + (number % 20) / 2000)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            crossed += 1
            assert complete(prompt=prompt, timeout=5.0) == f"scripted: {prompt}"
    assert crossed > 0
    assert len(model_server.requests()) == 40


CLIENT = """
import sys
sys.path[:0] = {path!r}
from gateway.budget import completion_stub
import grpc
with grpc.insecure_channel({address!r}) as channel:
    print("asking", flush=True)
    completion_stub(channel)(prompt="asked by the dead", model="scripted", timeout=30)
"""


def test_a_client_that_is_killed_has_its_answer_waiting(complete: Callable[..., str], gateway: Any, model_server: Any) -> None:
    model_server.fault("latency", ms=800)
    script = CLIENT.format(path=sys.path, address=gateway.grpc)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None and client.stdout.readline()
        assert eventually(lambda: len(model_server.requests()) == 1)
        client.kill()
    assert complete(prompt="asked by the dead", timeout=10.0) == "scripted: asked by the dead"
    assert len(model_server.requests()) == 1
    with sdk.BudgetClient(gateway.grpc) as budget:
        assert budget.spend().requests == 1


def test_an_answer_that_nobody_took_outlives_the_gateway(complete: Callable[..., str], gateway: Any, model_server: Any) -> None:
    model_server.fault("latency", ms=600)
    with pytest.raises(grpc.RpcError):
        complete(prompt="slow one", timeout=0.2)
    with sdk.BudgetClient(gateway.grpc) as budget:
        assert eventually(lambda: budget.spend().requests == 1), "the answer has come"
    time.sleep(0.3)
    gateway.restart()  # kill -9
    assert complete(prompt="slow one", timeout=5.0) == "scripted: slow one"
    assert len(model_server.requests()) == 1, "the prompt was paid for once"
    # It was taken, so the next one is a call of its own, also after another kill.
    time.sleep(0.5)  # nobody waits for a disk here: what happened a moment ago may come again
    gateway.restart()
    assert complete(prompt="slow one", timeout=5.0) == "scripted: slow one"
    assert len(model_server.requests()) == 2


def test_answers_stay_off_the_disk_where_that_is_wanted(
    start_gateway: Callable[..., Any], legacy_channel: Any, generation: Any, model_server: Any
) -> None:
    settings = gateway_settings(f"{model_server.url}/v1") | {"complete.kept_over_restarts": False}
    gateway = start_gateway(settings, env={UPSTREAM_KEY_VARIABLE: "k"})
    model_server.fault("latency", ms=400)
    stub = generation.stubs.LlmGatewayServiceStub(legacy_channel(gateway.grpc))
    with pytest.raises(grpc.RpcError):
        stub.Complete(generation.messages.CompletionRequest(prompt="a secret answer", model="scripted"), timeout=0.1)
    with sdk.BudgetClient(gateway.grpc) as budget:
        assert eventually(lambda: budget.spend().requests == 1)
    time.sleep(0.3)
    assert not (gateway.data_dir / "answers").exists()


def test_the_same_prompt_asked_anew_is_a_new_call(complete: Callable[..., str], model_server: Any) -> None:
    """Only a retry is answered from a result: an agent that asks again after an answer wants another one."""
    for _ in range(3):
        assert complete(prompt="again", timeout=5.0) == "scripted: again"
    assert len(model_server.requests()) == 3
