"""A real Kubernetes API server with its etcd, on the loopback: no nodes, so nothing runs, but every object is admitted as in
a cluster. Enough to install, upgrade, roll back and uninstall a chart under the restricted pod policy.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tools import run, tool

TOKEN = "only-on-the-loopback-of-this-test"


class Cluster:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []
        self._tls = ssl._create_unverified_context()
        self.port = 0
        self.kubeconfig = directory / "kubeconfig"

    def start(self) -> "Cluster":
        etcd, server = tool("etcd"), tool("kube-apiserver")
        etcd_port, peer_port, self.port = _free_port(), _free_port(), _free_port()
        self._spawn("etcd", etcd, "--data-dir", self._directory / "etcd", "--unsafe-no-fsync",
                    "--listen-client-urls", f"http://127.0.0.1:{etcd_port}", "--advertise-client-urls", f"http://127.0.0.1:{etcd_port}",
                    "--listen-peer-urls", f"http://127.0.0.1:{peer_port}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer_port}",
                    "--initial-cluster", f"default=http://127.0.0.1:{peer_port}")
        key = self._directory / "service-account.key"
        run("openssl", "genrsa", "-out", key, "2048")
        tokens = self._directory / "tokens.csv"
        tokens.write_text(f'{TOKEN},admin,1,"system:masters"\n', encoding="ascii")
        self._spawn("kube-apiserver", server, "--etcd-servers", f"http://127.0.0.1:{etcd_port}",
                    "--bind-address", "127.0.0.1", "--secure-port", self.port, "--cert-dir", self._directory / "certs",
                    "--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key,
                    "--service-account-signing-key-file", key, "--token-auth-file", tokens, "--authorization-mode", "RBAC",
                    "--service-cluster-ip-range", "10.96.0.0/16", "--disable-admission-plugins", "ServiceAccount")
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": f"https://127.0.0.1:{self.port}", "insecure-skip-tls-verify": True}}],
            "users": [{"name": "test", "user": {"token": TOKEN}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        }), encoding="utf-8")
        self._wait_ready()
        return self

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def create_namespace(self, name: str, policy: str = "restricted") -> None:
        labels = {f"pod-security.kubernetes.io/{mode}": policy for mode in ("enforce", "warn")}
        self.call("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def secrets(self, namespace: str) -> dict[str, dict[str, bytes]]:
        """Name -> decoded data, without helm's own."""
        items = self.get(f"/api/v1/namespaces/{namespace}/secrets")["items"]
        return {i["metadata"]["name"]: {k: base64.b64decode(v) for k, v in (i.get("data") or {}).items()}
                for i in items if not i["type"].startswith("helm.sh/")}

    def admit_pod(self, namespace: str, template: dict[str, Any]) -> None:
        """Offers a pod of this template to admission, without keeping it. A refusal is an AssertionError with the reasons."""
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] | {"name": "probe"}, "spec": template["spec"]}
        # The claims of a StatefulSet become volumes when its controller makes a pod.
        names = {v["name"] for v in pod["spec"].get("volumes", [])}
        for mount in pod["spec"]["containers"][0]["volumeMounts"]:
            if mount["name"] not in names:
                claim = {"name": mount["name"], "persistentVolumeClaim": {"claimName": f"{mount['name']}-probe-0"}}
                pod["spec"].setdefault("volumes", []).append(claim)
        self.call("POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)

    def helm(self, *arguments: str | Path) -> str:
        done = run(tool("helm"), *arguments, "--kubeconfig", self.kubeconfig)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "violate PodSecurity" not in done.stderr, done.stderr
        return done.stdout

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode('utf-8', 'replace')}") from None

    def _spawn(self, name: str, *command: object) -> None:
        with (self._directory / f"{name}.log").open("wb") as log:
            self._processes.append(subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _wait_ready(self, within: float = 90.0) -> None:
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for process in self._processes:
                assert process.poll() is None, f"{process.args[0]} ended: see {self._directory}"  # type: ignore[index]
            try:
                request = urllib.request.Request(f"https://127.0.0.1:{self.port}/readyz", headers={"Authorization": f"Bearer {TOKEN}"})
                urllib.request.urlopen(request, context=self._tls, timeout=5).close()
                # The namespace comes from a start-up hook of its own.
                self.get("/api/v1/namespaces/default")
                return
            except (OSError, AssertionError):
                time.sleep(0.2)
        raise AssertionError(f"the API server was not ready within {within:g} s: see {self._directory}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
