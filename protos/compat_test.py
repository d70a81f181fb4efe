"""Pins the wire: fails when a message, field, number, type, enum value or RPC that clients know changes or goes.

contract.txt   what others rely on, written down by hand
wire.txt       everything that we ever released; additions are free, and are taken in before a release with:
               python protos/compat_test.py --update
"""
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

PROTOS = Path(__file__).resolve().parent
TYPES = {number: name[len("TYPE_"):].lower() for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()}
UPDATE = "python protos/compat_test.py --update"


def load(protos: Path) -> tuple[descriptor_pool.DescriptorPool, list[descriptor_pb2.FileDescriptorProto]]:
    """Compiles every .proto of a folder into a pool of its own."""
    with tempfile.TemporaryDirectory() as out:
        compiled = Path(out) / "all.binpb"
        sources = [p.relative_to(protos.parent).as_posix() for p in sorted(protos.rglob("*.proto"))]
        run = subprocess.run([sys.executable, "-m", "grpc_tools.protoc", "-I", str(protos.parent), f"--descriptor_set_out={compiled}", *sources],
                             capture_output=True, text=True, cwd=protos.parent)
        assert run.returncode == 0, run.stderr
        files = list(descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()).file)
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.Add(file)
    return pool, files


def all_messages(files: list[descriptor_pb2.FileDescriptorProto]) -> Iterator[tuple[str, descriptor_pb2.DescriptorProto]]:
    def walk(prefix: str, messages) -> Iterator:
        for message in messages:
            name = f"{prefix}.{message.name}"
            yield name, message
            yield from walk(name, message.nested_type)

    for file in files:
        yield from walk(file.package, file.message_type)


def type_of(field: descriptor_pb2.FieldDescriptorProto) -> str:
    kind = field.type_name.lstrip(".") or TYPES[field.type]
    repeated = "repeated " if field.label == field.LABEL_REPEATED else ""
    oneof = f" in oneof {field.oneof_index}" if field.HasField("oneof_index") else ""
    return f"{repeated}{kind}{oneof}"


def wire_lines(files: list[descriptor_pb2.FileDescriptorProto]) -> Iterator[str]:
    """One line for each fact of the wire."""
    for name, message in all_messages(files):
        yield f"message {name}"
        for field in message.field:
            yield f"field {name}.{field.name} = {field.number} {type_of(field)}"
        for enum in message.enum_type:
            yield from (f"value {name}.{enum.name} {v.name} = {v.number}" for v in enum.value)
    for file in files:
        for enum in file.enum_type:
            yield from (f"value {file.package}.{enum.name} {v.name} = {v.number}" for v in enum.value)
        for service in file.service:
            for m in service.method:
                sides = [("stream " if s else "") + t.lstrip(".") for s, t in ((m.client_streaming, m.input_type), (m.server_streaming, m.output_type))]
                yield f"rpc {file.package}.{service.name}/{m.name} {sides[0]} -> {sides[1]}"


def pinned(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]


def shape(field: FieldDescriptor, wanted: str) -> str:
    """The field as contract.txt writes it; of a message only the fields that `wanted` names."""
    kind = TYPES[field.type]
    if kind == "message":
        named = [part.split(" = ")[0].strip() for part in wanted.partition("{")[2].rstrip("}").split(",") if part.strip()]
        inner = [field.message_type.fields_by_name.get(n) for n in named]
        kind = "{" + ", ".join(shape(f, "{}") if f is not None else "missing" for f in inner) + "}"
        if wanted == "{}":
            kind = "{}"
    repeated = "repeated " if field.is_repeated else ""
    return f"{field.name} = {field.number} {repeated}{kind}"


def contract_faults(lines: list[str], pool: descriptor_pool.DescriptorPool) -> Iterator[str]:
    method = None
    for line in lines:
        if line.startswith("enum "):
            _, enum, value = line.split(" ", 2)
            found = pool.FindEnumTypeByName(enum).values_by_name.get(value.split(" = ")[0])
            if found is None or found.number != int(value.split(" = ")[1]):
                yield line
        elif not line.startswith("  "):
            name, _, streams = line.partition(" ")
            service, _, rpc = name.partition("/")
            try:
                method = pool.FindServiceByName(service).methods_by_name.get(rpc)
            except KeyError:
                method = None
            if method is None:
                yield line
            elif (method.client_streaming, method.server_streaming) != ("stream in" in streams, "stream out" in streams):
                yield line + " (streams differ)"
        elif method is not None:
            side, _, wanted = line.strip().partition(" ")
            message: Descriptor = method.input_type if side == "in" else method.output_type
            field = message.fields_by_name.get(wanted.split(" = ")[0])
            if field is None or shape(field, wanted) != wanted:
                yield f"{method.full_name} {line.strip()}"


@pytest.fixture(scope="module")
def compiled():
    return load(PROTOS)


def test_what_others_rely_on_holds(compiled):
    assert list(contract_faults(pinned(PROTOS / "contract.txt"), compiled[0])) == []


def test_nothing_that_was_released_changed_or_went(compiled):
    now = set(wire_lines(compiled[1]))
    gone = [line for line in pinned(PROTOS / "wire.txt") if line not in now]
    assert gone == [], "clients that are out there break; restore these, and add under new names and numbers instead"


@pytest.mark.parametrize("old, new", [
    ("string name = 1;  ", "string name = 3;  "), ("string artifact = 3;", "bytes artifact = 3;"), ("rpc PollTask(AgentQuery)", "rpc Poll(AgentQuery)"),
    ("repeated string constraints = 4;", "string constraints = 4;"), ("string lease_token = 10;", ""), ("returns (TaskAssignment);", "returns (stream TaskAssignment);"),
])
def test_a_change_of_the_contract_is_noticed(tmp_path, old, new):
    protos = tmp_path / "protos"
    protos.mkdir()
    text = (PROTOS / "orchestrator.proto").read_text()
    assert old in text
    (protos / "orchestrator.proto").write_text(text.replace(old, new, 1))
    pool, files = load(protos)
    ours = [line for line in pinned(PROTOS / "wire.txt") if " orchestrator.Orchestrator/" in line or " orchestrator.AgentInfo" in line
            or " orchestrator.Task" in line or " orchestrator.AgentQuery" in line]
    assert [line for line in ours if line not in set(wire_lines(files))]
    own_contract = "\n".join(pinned(PROTOS / "contract.txt")).split("analyst.Analyst/")[0].splitlines()
    assert list(contract_faults(own_contract, pool))


def update() -> None:
    file = PROTOS / "wire.txt"
    _, files = load(PROTOS)
    head = f"# Every fact of the wire that was ever released. Lines are added by `{UPDATE}`, and never removed by hand.\n"
    known = set(pinned(file)) if file.exists() else set()
    file.write_text(head + "\n".join(sorted(known | set(wire_lines(files)))) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(f"usage: {UPDATE}")
    update()
