"""RouteTask and ManageStateGraph, as both generations of clients call them."""

from __future__ import annotations

from typing import Any

import grpc
import pytest
from existing_agents.quick import assert_quick

DEADLINE = 1.0  # what those clients set
FLOW = ["RequirementsDefinition", "SystemDesign", "FeatureImplementation", "CodeReview", "Deployment"]


@pytest.fixture
def stub(start_orchestrator: Any, legacy_channel: Any, generation: Any) -> Any:
    return generation.stubs.OrchestratorServiceStub(legacy_channel(start_orchestrator().grpc))


def route(stub: Any, generation: Any, text: str) -> str:
    request = generation.messages.RouteTaskRequest(task_description=text)
    return stub.RouteTask(request, timeout=DEADLINE).agent_type


def after(stub: Any, generation: Any, state: str, action: str) -> str:
    request = generation.messages.StateGraphRequest(current_state=state, action=action)
    return stub.ManageStateGraph(request, timeout=DEADLINE).next_state


@pytest.mark.parametrize(
    ("kind", "handler"),
    [("RequirementsDefinitionTask", "ProductManager"), ("SystemDesignTask", "Architect"),
     ("FeatureImplementationTask", "Coder"), ("CodeReviewTask", "Reviewer"), ("DeploymentTask", "Deployer"),
     ("NoSuchTask", "Unknown"), ("", "Unknown"), ("☃" * 2000, "Unknown")],
)
def test_a_task_type_has_its_handler(stub: Any, generation: Any, kind: str, handler: str) -> None:
    assert route(stub, generation, kind) == handler


@pytest.mark.parametrize("success", ["success", "on_success"])
def test_success_leads_through_the_flow_to_its_end(stub: Any, generation: Any, success: str) -> None:
    for state, following in zip(FLOW, [*FLOW[1:], "None"], strict=True):
        assert after(stub, generation, state, success) == following


@pytest.mark.parametrize("failure", ["failure", "on_failure"])
def test_failure_leads_back(stub: Any, generation: Any, failure: str) -> None:
    assert after(stub, generation, "CodeReview", failure) == "FeatureImplementation"
    assert after(stub, generation, "Deployment", failure) in ("FeatureImplementation", "CodeReview")


def test_what_is_no_state_is_said(stub: Any, generation: Any) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        after(stub, generation, "NoSuchState", "success")
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND and "NoSuchState" in raised.value.details()


def test_answers_come_well_inside_the_clients_deadline(stub: Any, generation: Any) -> None:
    assert_quick(lambda: route(stub, generation, "FeatureImplementationTask"))
    assert_quick(lambda: after(stub, generation, "CodeReview", "failure"))
