"""Each fact that the deployed clients rely on, quoted, against bytes on the wire.

Two generations, `orchestrator.v1` and `orchestrator`, on the same ports, "in plain text on loopback, without metadata".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from existing_agents.bare_wire import call, encode, text
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings

BOTH = ("orchestrator.v1", "orchestrator")


def code_of(ask: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as raised:
        ask()
    return raised.value.code().name, raised.value.details()


@pytest.fixture(params=BOTH)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def orchestrator(start_orchestrator: Any) -> str:
    return str(start_orchestrator().grpc)


@pytest.fixture
def analyst(start_analyst: Any) -> str:
    return str(start_analyst({"author.mode": "template"}).grpc)


# -- "50054 | both | RouteTask | task_description = 1 → agent_type = 1 | 1.0 s" -----------------------------------------


def test_route_task(orchestrator: str, package: str) -> None:
    def route(fields: dict[int, Any]) -> str:
        return text(call(orchestrator, f"/{package}.OrchestratorService/RouteTask", fields, 1.0))

    # "receives a task *type* (for instance `FeatureImplementationTask`) and wants the handler (`Coder`)"
    assert route({1: "FeatureImplementationTask"}) == "Coder"
    # "Unknown → `Unknown`": also what is empty, left out, a sentence, or nearly a type
    for unknown in ("", "NoSuchTask", "make me a sandwich", "featureimplementationtask", "FeatureImplementationTask ", "Task", "\x00", "☃" * 5000):
        assert route({1: unknown}) == "Unknown", unknown
    assert route({}) == "Unknown"
    # A field of a newer client changes nothing.
    assert route({1: "CodeReviewTask", 99: "new"}) == "Reviewer"


# -- "50054 | both | ManageStateGraph | current_state = 1, action = 2 → next_state = 1 | 1.0 s" ---------------------------


def after(address: str, package: str, state: str, action: str) -> str:
    return text(call(address, f"/{package}.OrchestratorService/ManageStateGraph", {1: state, 2: action}, 1.0))


def test_manage_state_graph(orchestrator: str, package: str) -> None:
    # "`action` is `success` or `failure` (`on_success`/`on_failure` mean the same)"
    for good, bad in (("success", "failure"), ("on_success", "on_failure")):
        assert after(orchestrator, package, "CodeReview", good) == "Deployment"
        assert after(orchestrator, package, "CodeReview", bad) == "FeatureImplementation"
        # "the end of the flow is the string `None`"
        assert after(orchestrator, package, "Deployment", good) == "None"
    # Types are understood as states: the clients hold types.
    assert after(orchestrator, package, "CodeReviewTask", "success") == "Deployment"
    for state, action, code in (("NoSuchState", "success", "NOT_FOUND"), ("", "success", "NOT_FOUND"), ("CodeReview", "", "INVALID_ARGUMENT"),
                                ("CodeReview", "Success", "INVALID_ARGUMENT"), ("CodeReview", "maybe", "INVALID_ARGUMENT")):  # fmt: skip
        assert code_of(lambda s=state, a=action: after(orchestrator, package, s, a))[0] == code, (state, action)


def test_a_flow_that_loops_is_bounded(orchestrator: str, package: str) -> None:
    # "A flow that loops must be bounded: one that fails its checks forever was seen to run without end."
    state, steps = "FeatureImplementation", 0
    while state != "None":  # each call with a connection of its own, as some clients do it
        state = after(orchestrator, package, state, "failure" if state == "CodeReview" else "success")
        steps += 1
        assert steps < 100
    assert steps == 12  # five rounds, and the sixth ends it
    # The next flow has all its rounds again.
    assert after(orchestrator, package, "CodeReview", "failure") == "FeatureImplementation"


def test_a_flow_that_loops_over_one_connection_is_bounded(orchestrator: str, package: str) -> None:
    with grpc.insecure_channel(orchestrator) as channel:
        ask = channel.unary_unary(f"/{package}.OrchestratorService/ManageStateGraph")
        state, steps = "FeatureImplementation", 0
        while state != "None":
            action = "on_failure" if state == "CodeReview" else "on_success"
            state = ask(encode({1: state, 2: action}), timeout=1.0)[2:].decode()
            steps += 1
            assert steps < 100


# -- "50055 | orchestrator.v1 | ClusterFailures | repeated string failures = 1 → repeated string clusters = 1 | –" ---------


def test_strings_become_clusters(analyst: str) -> None:
    def clusters(*failures: str) -> list[str]:
        answer = call(analyst, "/orchestrator.v1.AnalystService/ClusterFailures", {1: list(failures)}, 2.0)
        assert answer.keys() <= {1}
        return [c.decode() for c in answer.get(1, [])]

    assert clusters() == []
    assert len(clusters("KeyError: 'a'", "KeyError: 'b'", "TypeError: x is not callable")) == 2
    # "The note may be a JSON array, even JSON within JSON; its first element is the message."
    inner = json.dumps(["KeyError: 'c'", "what followed"])
    assert clusters("KeyError: 'a'", inner, json.dumps([inner]), json.dumps(inner)) == clusters("KeyError: 'a'")
    assert len(clusters("", "", "   ")) == 1
    assert len(clusters("\u202e☃ } \\u0022 \x00 <b>")) == 1


# -- "50055 | orchestrator | ClusterFailures | failures = 1 repeated {exec_id = 1, note = 2, role = 3, stack = 4} → json_clusters = 1" ---


def test_records_become_a_json_object(analyst: str) -> None:
    def clusters(*records: dict[int, str]) -> dict[str, Any]:
        fields = {1: [encode(r) for r in records]}
        found = json.loads(text(call(analyst, "/orchestrator.AnalystService/ClusterFailures", fields, 2.0)))
        assert isinstance(found, dict), "(a JSON object)"
        return found

    assert clusters() == {}
    records = [{1: f"e{n}", 2: json.dumps([f"KeyError: '{n}'"]), 3: "Coder", 4: "python"} for n in range(5)]
    (one,) = clusters(*records).values()
    assert one["exec_ids"] == [f"e{n}" for n in range(5)] and one["count"] == 5
    assert (one["role"], one["stack"]) == ("Coder", "python")
    # Another role or stack is another cluster; records without anything are one, and come back with all they had.
    assert len(clusters(*records, {1: "x", 2: "KeyError: 'z'", 3: "Reviewer", 4: "python"}, {1: "y", 2: "KeyError: 'z'", 3: "Coder", 4: "go"})) == 3
    (empty,) = clusters({}, {}).values()
    assert empty["count"] == 2 and empty["exec_ids"] == ["", ""]


# -- "50055 | orchestrator | GenerateGoldenRules | role = 1, note = 2, count = 3 (int32), stack = 4 → rule = 1 | 3.0 s" -----


def test_a_rule_for_a_note(analyst: str) -> None:
    def rule(fields: dict[int, Any]) -> str:
        return text(call(analyst, "/orchestrator.AnalystService/GenerateGoldenRules", fields, 3.0))

    good = rule({1: "Coder", 2: "Error: IndentationError", 3: 5, 4: "python"})
    assert "IndentationError" in good
    assert rule({1: "Coder", 2: json.dumps([json.dumps(["Error: IndentationError"])]), 3: 5, 4: "python"}) == good
    for count in (0, -1, 2**31 - 1, -(2**31)):
        assert rule({1: "Coder", 2: "Error: IndentationError", 3: count, 4: "python"}) == good
    assert rule({}), "there is always a rule to be given"


# -- "50056 | both | Complete | prompt = 1, model = 2, system_prompt = 3, json_mode = 4 (bool), tools_json = 5, messages_json = 6" ---


@pytest.fixture
def gateway(start_gateway: Any, model_server: Any) -> str:
    return str(start_gateway(gateway_settings(f"{model_server.url}/v1"), env={UPSTREAM_KEY_VARIABLE: "k"}).grpc)


def test_complete(gateway: str, package: str, model_server: Any) -> None:
    def complete(fields: dict[int, Any]) -> str:
        return text(call(gateway, f"/{package}.LlmGatewayService/Complete", fields, 1.5))

    def asked() -> dict[str, Any]:
        return dict(model_server.requests()[-1]["body"])

    assert complete({1: "hello", 2: "scripted", 3: "be brief"}) == "scripted: hello"
    assert asked()["model"] == "scripted"
    assert asked()["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}]
    assert "tools" not in asked() and "response_format" not in asked()
    # No model named: the configured one.
    assert complete({1: "who are you"}) == "scripted: who are you"
    # "`messages_json` overrides `prompt`"; an empty list overrides nothing
    messages = [{"role": "user", "content": "from the list"}]
    assert complete({1: "ignored", 6: json.dumps(messages)}) == "scripted: from the list"
    assert asked()["messages"] == messages
    assert complete({1: "not ignored", 6: "[]"}) == "scripted: not ignored"
    # "`tools_json` is a JSON list of tools"
    tools = [{"type": "function", "function": {"name": "grep", "description": "find", "parameters": {"type": "object"}}}]
    complete({1: "use a tool", 5: json.dumps(tools)})
    assert asked()["tools"] == tools
    complete({1: "use none", 5: "[]"})
    assert "tools" not in asked()
    # "`json_mode` must yield JSON that parses"
    json.loads(complete({1: 'answer with {"a": 1}', 4: True}))
    assert asked()["response_format"] == {"type": "json_object"}


def test_complete_refuses_what_is_no_json_or_no_model(gateway: str, package: str, model_server: Any) -> None:
    def refused(fields: dict[int, Any]) -> tuple[str, str]:
        return code_of(lambda: call(gateway, f"/{package}.LlmGatewayService/Complete", fields, 1.5))

    for field in (5, 6):
        for bad in ("{", "{}", '"x"', "nonsense"):
            code, why = refused({1: "x", field: bad})
            assert code == "INVALID_ARGUMENT" and ("tools_json", "messages_json")[field - 5] in why, (field, bad, code, why)
    assert refused({1: "x", 2: "no-such-model"})[0] in ("NOT_FOUND", "INVALID_ARGUMENT")
    assert model_server.requests() == [], "the client tries every error again, up to six times: none of these costs anything"


def test_methods_of_the_other_generation_are_not_there(analyst: str) -> None:
    assert code_of(lambda: call(analyst, "/orchestrator.AnalystService/OptimizePrompt", {1: "x"}, 1.0))[0] == "UNIMPLEMENTED"
    assert code_of(lambda: call(analyst, "/orchestrator.v1.AnalystService/GenerateGoldenRules", {1: "x"}, 1.0))[0] == "UNIMPLEMENTED"
