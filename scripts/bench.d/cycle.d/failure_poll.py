"""10,000 failure records of the knowledge store: asked for, grouped, durable in the analyst's ledger.

The original: 106 ms for the query and 33 ms for the grouping, in memory.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import grpc
from gateway.budget import compat_messages
from stages import failures, note, store
from swarm_process import ServiceProcess

ORIGINAL_POLL_MS, ORIGINAL_GROUPING_MS = 106.0, 33.0
KINDS = 20


def figures(directory: Path, records: int) -> dict[str, float]:
    with store(directory / "store", failures(records, KINDS)) as synapse:
        settings = {"orchestrator.address": "", "gateway.address": "", "author.mode": "template", "knowledge.poll": "100ms",
                    "knowledge.synapse.address": synapse.address}
        analyst = ServiceProcess("analyst", directory / "analyst", settings).start()
        try:
            taken_in = analyst.wait_for_line(lambda line: line.get("count") == records, within=60.0)
            grouping = statistics.median(_grouping_ms(analyst.grpc, records) for _ in range(5))
        finally:
            analyst.stop()
    found = {
        "failure_poll_ms": round(float(taken_in["asked_ms"]), 3),
        "failure_intake_ms": round(float(taken_in["counted_ms"]), 3),
        "failure_grouping_ms": round(grouping, 3),
    }
    print(f"{records:,} failure records of {KINDS} kinds in the knowledge store")
    print(f"  asked for                     {found['failure_poll_ms']:7.1f} ms (the Python original: {ORIGINAL_POLL_MS:g})")
    print(f"  grouped, by ClusterFailures   {found['failure_grouping_ms']:7.1f} ms, the call included (the original, in memory: {ORIGINAL_GROUPING_MS:g})")
    print(f"  grouped and durable           {found['failure_intake_ms']:7.1f} ms")
    return found


def _grouping_ms(address: str, records: int) -> float:
    request_class, answer_class = compat_messages("orchestrator_legacy.proto", "orchestrator", "ClusterRequest", "ClusterResponse")
    request = request_class()
    for number in range(records):
        request.failures.add(exec_id=f"e{number}", note=note(number, KINDS), role="Coder", stack="python")
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, options) as channel:
        call = channel.unary_unary("/orchestrator.AnalystService/ClusterFailures", request_class.SerializeToString, answer_class.FromString)
        begun = time.perf_counter()
        call(request, timeout=30)
        return (time.perf_counter() - begun) * 1000
