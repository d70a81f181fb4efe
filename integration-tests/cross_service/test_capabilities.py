"""The capability of a task: signed with its assignment, used for model calls and subtasks, handed on only narrower."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
import pytest
import swarm_sdk as sdk
from clients import http
from gateway.budget import call, spend
from orchestrator.client import Raw, code_of
from swarm_settings import UPSTREAM_KEY_VARIABLE, gateway_settings

Start = Callable[..., Any]
KEY = "0123456789abcdef0123456789abcdef"


class Pair:
    def __init__(self, gateway: Any, orchestrator: Any) -> None:
        self.gateway, self.orchestrator = gateway, orchestrator
        # As `swarmctl keys create` makes it: it may not name tasks by itself.
        self.key = call(gateway, "llm_gateway.BudgetControl.CreateKey", name="blue-agents", team="blue")["secret"]

    def ask(self, headers: dict[str, str]) -> int:
        body = {"model": "scripted", "max_tokens": 50, "messages": [{"role": "user", "content": "hello"}]}
        answer = http("POST", f"{self.gateway.http}/v1/chat/completions", body, {"authorization": f"Bearer {self.key}"} | headers, 30)
        return int(answer.status)


@pytest.fixture
def pair(start_orchestrator: Start, start_gateway: Start, start_model_server: Start) -> Pair:
    model = start_model_server()
    gateway = start_gateway(gateway_settings(model.url) | {"tasks.token_key": KEY}, env={UPSTREAM_KEY_VARIABLE: "sk-model"})
    return Pair(gateway, start_orchestrator({"gateway.address": gateway.grpc, "tasks.token_key": KEY}))


class Asker(sdk.Agent):
    """Asks the model in the name of its task, with its token and with narrower ones."""

    def __init__(self, pair: Pair, **more: Any) -> None:
        super().__init__("asker", orchestrator=sdk.OrchestratorClient(pair.orchestrator.grpc), poll_wait=2.0, **more)
        self.pair = pair
        self.seen: dict[str, Any] = {}

    def work(self, task: sdk.TaskRun) -> str:
        def ask(token: str, task_id: str = task.task_id) -> int:
            return self.pair.ask({"x-swarm-task-id": task_id, "x-swarm-task-token": token})

        submit_only = task.narrowed_token(rights=[sdk.SUBMIT])
        self.seen = {
            "own": self.pair.ask(task.model_headers()),
            "bare": self.pair.ask({"x-swarm-task-id": task.task_id}),
            "spend only": ask(task.narrowed_token(rights=[sdk.SPEND])),
            "submit only": ask(submit_only),
            "widened again": ask(sdk.narrow(submit_only, rights=[sdk.SPEND, sdk.SUBMIT])),
            "over": ask(task.narrowed_token(expires_in=-5)),
            "other task": ask(task.token, "01900000-0000-7000-8000-000000000000"),
            "forged": ask(task.token[:-4] + "AAAA"),
        }
        return "asked"


def test_a_key_without_bare_tasks_spends_from_a_task_by_its_assignments_token_alone(pair: Pair) -> None:
    agent = Asker(pair)
    thread = threading.Thread(target=agent.run, kwargs={"handle_signals": False})
    thread.start()
    with sdk.OrchestratorClient(pair.orchestrator.grpc) as client:
        task_id = client.submit(sdk.NewTask("ask", tenant="blue", budget_usd=1.0)).task_id
        client.wait([task_id], within=30)
    agent.stop()
    thread.join()
    refused = ("bare", "submit only", "widened again", "over", "other task", "forged")
    assert agent.seen == {"own": 200, "spend only": 200} | dict.fromkeys(refused, 403)
    assert int(spend(pair.gateway, f"task/{task_id}")["requests"]) == 2


def test_a_subtask_may_require_no_more_than_its_parents_token_allows(start_orchestrator: Start) -> None:
    service = start_orchestrator({"tasks.token_key": KEY, "guardrails.parents_need_token": True})
    o = Raw(service.grpc)
    o.register("a", permissions=["read", "write", "deploy"])
    parent = o.submit("parent", required_permissions=["read", "write"])
    token = o.poll("a").budget_task_token

    def submit(**fields: Any) -> str:
        return o.submit("child", **{"parent_id": parent, "parent_token": token} | fields)

    def refused(**fields: Any) -> str:
        code, text = code_of(lambda: submit(**fields))
        assert code == grpc.StatusCode.PERMISSION_DENIED, text
        return text

    assert submit(required_permissions=["write"]) and submit()
    assert "deploy" in refused(required_permissions=["deploy"])
    assert "missing" in refused(parent_token="")
    assert "write" in refused(parent_token=sdk.narrow(token, permissions=["read", "deploy"]), required_permissions=["write"])
    assert "deploy" in refused(parent_token=sdk.narrow(token, permissions=["read", "deploy"]), required_permissions=["deploy"])
    assert submit(parent_token=sdk.narrow(token, permissions=["read"]), required_permissions=["read"])
    assert "submit" in refused(parent_token=sdk.narrow(token, rights=[sdk.SPEND]))
    assert "expired" in refused(parent_token=sdk.narrow(token, expires_in=-1))
    assert "tenant" in refused(tenant="another")
    for bad in ("garbage", token[:-1], token + "x", "st1." + "x" * 5000):
        refused(parent_token=bad)
    # A room of children of its own making has this one as their parent, not a stranger.
    room = o.submit("[MODE:WAR_ROOM] all", stack="python, react", parent_id=parent, parent_token=token)
    assert o.get(room).parent_id == parent
    o.close()
