from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator

import grpc
import pytest
import swarm_sdk as sdk
from fake_services import FakeOrchestrator, FakeService
from swarm_sdk import wire

QUICK = sdk.ConnectionOptions(timeout=1.0, within=1.0, backoff=sdk.Backoff(0.01, 0.05))


def jwt(name: str, life: float) -> str:
    claims = {"sub": name, "iat": time.time(), "exp": time.time() + life}
    return "e30." + base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode() + ".sig"


@pytest.fixture
def operations() -> Iterator[FakeService]:
    fake = FakeService("operations.Operations")
    yield fake
    fake.stop()


def test_a_token_is_renewed_before_it_ends_and_every_call_carries_the_newest(
    operations: FakeService, orchestrator: FakeOrchestrator, eventually: Callable[..., None]
) -> None:
    second = jwt("second", 600)
    operations.on("RenewToken")(lambda request, context: wire.message("operations.Token")(token=second))
    orchestrator.on("GetTask")(lambda request, context: wire.message("orchestrator.Task")(task_id="t"))
    first = jwt("first", 1.5)
    token = sdk.RenewingToken(first, operations.address, QUICK)
    with sdk.OrchestratorClient(orchestrator.address, sdk.ConnectionOptions(token=token)) as client:
        client.get("t")
        eventually(lambda: token() == second)
        client.get("t")
    token.close()
    assert [m["authorization"] for m in orchestrator.metadata("GetTask")] == [f"Bearer {first}", f"Bearer {second}"]
    assert operations.metadata("RenewToken")[0]["authorization"] == f"Bearer {first}"
    assert token.failed is None


def test_a_service_that_is_away_is_asked_again(operations: FakeService, eventually: Callable[..., None]) -> None:
    second = jwt("second", 600)

    @operations.on("RenewToken")
    def answer(request: object, context: grpc.ServicerContext) -> object:
        if len(operations.seen("RenewToken")) < 3:
            context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return wire.message("operations.Token")(token=second)

    token = sdk.RenewingToken(jwt("first", 1.0), operations.address, QUICK)
    eventually(lambda: token() == second)
    token.close()


def test_an_end_of_the_chain_is_told(operations: FakeService, eventually: Callable[..., None]) -> None:
    @operations.on("RenewToken")
    def answer(request: object, context: grpc.ServicerContext) -> None:
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "first issued more than a day ago")

    token = sdk.RenewingToken(jwt("first", 1.0), operations.address, QUICK)
    eventually(lambda: token.failed is not None)
    assert isinstance(token.failed, sdk.Unauthenticated)
    token.close()


@pytest.mark.parametrize("text", ["", "a.b.c", "a.e30.c", "nonsense"])
def test_what_is_no_token_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match="token"):
        sdk.RenewingToken(text, "127.0.0.1:1")
