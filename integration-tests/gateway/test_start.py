"""Where the gateway does not start, and what it notes of strangers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clients import http
from eventually import eventually

from gateway.upstream import settings

NOWHERE = "http://127.0.0.1:1/v1"


@pytest.mark.parametrize(("name", "starts"), [("thesis.txt", False), ("lost+found/", True), (".snapshot/", True), (None, True)])
def test_a_folder_with_other_peoples_data_is_left_alone(start_gateway: Any, tmp_path: Path, name: str | None, starts: bool) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if name is not None and name.endswith("/"):
        (place / name).mkdir()
    elif name is not None:
        (place / name).write_text("three years of work")
    gateway = start_gateway(settings(NOWHERE, data_dir=str(place)), ready=starts)
    if starts:
        assert gateway.stop() == 0
        gateway.start()
        return
    assert gateway.wait_exit() == 1
    said = [line for line in gateway.log_path.read_text().splitlines() if line]
    assert len(said) == 1 and "holds thesis.txt" in said[0] and "empty folder of its own" in said[0]
    assert [p.name for p in place.iterdir()] == ["thesis.txt"]


def test_refused_keys_are_in_the_audit_log_within_a_bound(start_gateway: Any) -> None:
    gateway = start_gateway(settings(NOWHERE, **{"http.threads": 1}))

    def knock(key: str) -> int:
        return http("GET", f"{gateway.http}/v1/models?secret=x", None, {"authorization": f"Bearer {key}"}).status

    assert knock("sk-wrong-and-secret") == 401
    for n in range(60):
        assert knock(f"sk-guess-{n}") == 401
    assert knock("sk-agent") == 200

    def denied() -> list[dict[str, Any]]:
        text = "".join(p.read_text() for p in sorted((gateway.data_dir / "audit").glob("*.jsonl")))
        return [line for line in map(json.loads, text.splitlines()) if line["event"] == "denied"]

    assert eventually(lambda: len(denied()) >= 5, within=10)
    lines = denied()
    assert len(lines) == 5 and "127.0.0.1" in json.dumps(lines[0]) and "SHA-256" in json.dumps(lines[0])
    assert "sk-" not in json.dumps(lines) and "secret=x" not in json.dumps(lines)
