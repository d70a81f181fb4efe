"""Everything that runs during the demo: the model server, the three services, the agents, the repository."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from clients import http
from swarm_process import ROOT, ModelServerProcess, ServiceProcess
from swarm_settings import AGENT_KEY, UPSTREAM_KEY_VARIABLE, gateway_settings
from upstream import Upstream

AGENTS = {"product-manager-1": "product_manager", "coder-1": "coder", "coder-2": "coder", "reviewer-1": "reviewer"}
DAILY_LIMIT_USD = 2.0
MODEL_ANSWERS_WITHIN = 60  # seconds, for the first call
THRESHOLD = 5
HERE = Path(__file__).resolve().parent


class Stack:
    """Starts everything on entering, ends everything on leaving, in that order. `events` is what the agents tell."""

    def __init__(self, directory: Path, upstream: Upstream, control: str | None) -> None:
        self.directory = directory
        self.upstream = upstream
        self.repository = directory / "shop"
        self.events: queue.Queue[dict[str, Any]] = queue.Queue()
        self.services: dict[str, ServiceProcess] = {}
        self._control = control
        self._model: ModelServerProcess | None = None
        self._agents: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []

    def __enter__(self) -> "Stack":
        try:
            self._make_repository()
            self._start_services()
            self._start_agents()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Agents first, so that nothing they hold is left behind; then the services, each drained."""
        for agent in self._agents.values():
            agent.terminate()
        for agent in self._agents.values():
            try:
                agent.wait(10)
            except subprocess.TimeoutExpired:
                agent.kill()
                agent.wait()
        for reader in self._readers:
            reader.join()
        for service in self.services.values():
            service.terminate()
        for service in self.services.values():
            if service.running:
                service.wait_exit()
        if self._model is not None:
            self._model.stop()

    def dead_agents(self) -> list[str]:
        """Agents that ended by themselves: something is badly wrong."""
        return [name for name, agent in self._agents.items() if agent.poll() is not None]

    def dead_services(self) -> list[str]:
        """Services that do not run any more."""
        return [name for name, service in self.services.items() if not service.running]

    def why_model_refuses(self) -> str:
        """What a real model says to a first small call, made as the agents make theirs; empty when it answers."""
        if self.upstream.scripted:
            return ""
        body = {"model": self.upstream.model, "messages": [{"role": "user", "content": "Answer with: ok"}]}
        try:
            answer = http("POST", f"{self.services['gateway'].http}/v1/chat/completions", json.dumps(body).encode(),
                          {"authorization": f"Bearer {AGENT_KEY}", "content-type": "application/json"}, timeout=MODEL_ANSWERS_WITHIN)
        except OSError:
            return f"no answer within {MODEL_ANSWERS_WITHIN} s"
        if answer.status in (200, 429):
            return ""
        try:
            cause = str(json.loads(answer.body)["error"]["message"])
        except (ValueError, KeyError, TypeError):
            cause = answer.body.decode(errors="replace")
        return f"status {answer.status}: {' '.join(cause.split())[:200]}"

    def model_requests(self) -> int | None:
        """How many calls reached the scripted model; None when the model is a real one."""
        return None if self._model is None else len(self._model.requests())

    # -- starting ------------------------------------------------------------------------------------------------------

    def _make_repository(self) -> None:
        shutil.copytree(HERE / "project", self.repository, ignore=shutil.ignore_patterns("__pycache__"))
        identity = ["-c", "user.name=demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false"]
        for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "A shop with nine gaps"]):
            subprocess.run(["git", *identity, *arguments], cwd=self.repository, check=True)

    def _start_services(self) -> None:
        url = self.upstream.url
        if self.upstream.scripted:
            self._model = ModelServerProcess(self.directory / "model").start()
            url = f"{self._model.url}/v1"
        # Peers are told where the others are: gateway first, then analyst, then orchestrator. None waits for another.
        settings = gateway_settings(url, dialect=self.upstream.dialect, model=self.upstream.model,
                                    limit_usd=DAILY_LIMIT_USD)
        gateway = self._start("gateway", settings, {UPSTREAM_KEY_VARIABLE: self.upstream.key})
        analyst = self._start("analyst", {"rules.threshold": THRESHOLD, "gateway.address": gateway.grpc,
                                          "author.model": self.upstream.model})
        self._start("orchestrator", {
            "analyst.address": analyst.grpc,
            "gateway.address": gateway.grpc,
            "golden_rules.deliver": self._control != "no-delivery",
        })

    def _start(self, name: str, settings: dict[str, Any], env: dict[str, str] | None = None) -> ServiceProcess:
        service = ServiceProcess(name, self.directory / name, settings, env)
        self.services[name] = service
        return service.start()

    def _start_agents(self) -> None:
        secrets = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "SWARM_DEMO_UPSTREAM_KEY")  # agents have no provider's key
        env = {k: v for k, v in os.environ.items() if k not in secrets} | {
            "SWARM_SDK_ORCHESTRATOR": self.services["orchestrator"].grpc,
            "SWARM_SDK_ANALYST": self.services["analyst"].grpc,
            "OPENAI_BASE_URL": f"{self.services['gateway'].http}/v1",
            "OPENAI_API_KEY": AGENT_KEY,
            "PYTHONPATH": str(ROOT / "libs" / "python-sdk" / "src"),
        }
        for name, program in AGENTS.items():
            self._agents[name] = self._start_agent(name, program, env)
            reader = threading.Thread(target=self._read, args=(self._agents[name],), daemon=True)
            reader.start()
            self._readers.append(reader)

    def _start_agent(self, name: str, program: str, env: dict[str, str]) -> "subprocess.Popen[str]":
        wrong_stack = self._control == "wrong-stack" and program == "coder"
        extra = ["--report-stack", "react"] if wrong_stack else []
        log = self.directory / f"{name}.log"
        with log.open("ab") as stderr:
            return subprocess.Popen(
                [sys.executable, str(ROOT / "libs/python-sdk/examples" / f"{program}.py"), "--name", name, "--events",
                 "--model", self.upstream.model, "--workspace", str(self.directory / "workspace"), *extra],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr, text=True, env=env,
                cwd=self.directory, start_new_session=True,
            )

    def _read(self, agent: "subprocess.Popen[str]") -> None:
        for line in agent.stdout:
            self.events.put(json.loads(line))
        agent.stdout.close()

