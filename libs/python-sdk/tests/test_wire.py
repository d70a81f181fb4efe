"""The wire: what the SDK carries is what protos/ says, and it stays out of the default descriptor pool."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from swarm_sdk import models, wire

SDK = Path(__file__).resolve().parent.parent


def wire_facts(files: descriptor_pb2.FileDescriptorSet) -> set[tuple[object, ...]]:
    """Everything that two ends must agree on: fields by name, number and type; enum values; methods."""
    facts: set[tuple[object, ...]] = set()

    def add_message(prefix: str, message: descriptor_pb2.DescriptorProto) -> None:
        name = f"{prefix}.{message.name}"
        facts.update((name, f.name, f.number, f.type, f.label, f.type_name) for f in message.field)
        for nested in message.nested_type:
            add_message(name, nested)

    for file in files.file:
        for message in file.message_type:
            add_message(file.package, message)
        for enum in file.enum_type:
            facts.update((file.package, enum.name, v.name, v.number) for v in enum.value)
        for service in file.service:
            facts.update((service.name, m.name, m.input_type, m.output_type, m.client_streaming, m.server_streaming)
                         for m in service.method)
    return facts


def test_everything_that_the_sdk_carries_is_in_the_protos() -> None:
    pytest.importorskip("grpc_tools", reason="needs requirements-dev.txt")
    sys.path.insert(0, str(SDK))
    import generate

    current = wire_facts(descriptor_pb2.FileDescriptorSet.FromString(generate.compile_protos()))
    carried = wire_facts(descriptor_pb2.FileDescriptorSet.FromString(generate.OUTPUT.read_bytes()))
    assert carried - current == set(), "the protos changed what was there: that breaks agents in the field"
    # Fields that were added meanwhile do no harm; generate.py brings them in.


LEGACY = '''
from google.protobuf import descriptor_pb2, descriptor_pool
# What an agent's old generated module does when it is imported: a file of package `orchestrator` in the default pool.
old = descriptor_pb2.FileDescriptorProto(name="{name}", package="orchestrator", syntax="proto3")
old.message_type.add(name="Task").field.add(name="something_else", number=1, type=9, label=1)
descriptor_pool.Default().AddSerializedFile(old.SerializeToString())
'''


@pytest.mark.parametrize("order", ["{legacy}\nimport swarm_sdk", "import swarm_sdk\n{legacy}"])
@pytest.mark.parametrize("name", ["orchestrator.proto", "protos/orchestrator.proto"])
def test_it_lives_beside_old_generated_modules_of_the_same_package(order: str, name: str) -> None:
    program = order.format(legacy=LEGACY.format(name=name)) + (
        "\nfrom swarm_sdk import wire, NewTask; NewTask('x').to_wire(); wire.message('orchestrator.Task')(task_id='x')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=SDK / "src")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (models.Task, "orchestrator.Task"),
        (models.Assignment, "orchestrator.TaskAssignment"),
        (models.TaskEvent, "orchestrator.TaskEvent"),
        (models.Registration, "orchestrator.RegisterResponse"),
        (models.HeartbeatAnswer, "orchestrator.HeartbeatResponse"),
        (models.AgentState, "orchestrator.AgentState"),
        (models.Dispatch, "orchestrator.DispatchState"),
        (models.Analysis, "analyst.AnalysisResult"),
        (models.GoldenRule, "analyst.GoldenRule"),
        (models.FailureGroup, "analyst.FailureGroup"),
        (models.FailureGroups, "analyst.GroupList"),
        (models.Spend, "llm_gateway.SpendReport"),
    ],
)
def test_each_model_can_be_read_from_its_message(cls: type, name: str) -> None:
    models.read(cls, wire.message(name)())


def test_every_field_of_a_new_task_has_its_place_in_the_message() -> None:
    message = wire.message("orchestrator.NewTask")
    assert set(models.NewTask.__dataclass_fields__) <= {f.name for f in message.DESCRIPTOR.fields}
