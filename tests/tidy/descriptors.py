"""The protos as protoc reads them, with the comments that the generated modules leave out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import google.api.field_behavior_pb2 as beside_google_protos
from google.protobuf import descriptor_pb2
from grpc_tools import _proto as protoc_includes
from grpc_tools import protoc

PROTOS = Path(__file__).parents[2] / "protos"

# Field numbers within descriptor.proto, of which the paths of source locations are made.
MESSAGE, ENUM, SERVICE = 4, 5, 6
FIELD, NESTED, ENUM_IN_MESSAGE, ONEOF = 2, 3, 4, 8
VALUE, METHOD = 2, 2
EXTENSION = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """One thing of the contract with the comment before it."""

    kind: str
    name: str
    comment: str


@cache
def file_descriptors() -> tuple[descriptor_pb2.FileDescriptorProto, ...]:
    files = sorted(str(path) for path in PROTOS.rglob("holdfast/**/*.proto"))
    google_protos = Path(beside_google_protos.__file__).parents[2]
    own_protos = Path(next(iter(protoc_includes.__path__)))
    with TemporaryDirectory() as folder:
        target = Path(folder) / "set"
        arguments = ["protoc", f"-I{PROTOS}", f"-I{own_protos}", f"-I{google_protos}"]
        arguments += ["--include_source_info", f"--descriptor_set_out={target}", *files]
        if protoc.main(arguments) != 0:
            raise RuntimeError("protoc refuses the protos")
        return tuple(descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes()).file)


def everything_described() -> Iterator[Described]:
    for file in file_descriptors():
        comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}

        def described(kind: str, name: str, *path: int, comments: dict = comments) -> Described:  # type: ignore[type-arg]
            return Described(kind=kind, name=name, comment=comments.get(path, "").strip())

        for s, service in enumerate(file.service):
            yield described("service", service.name, SERVICE, s)
            for m, method in enumerate(service.method):
                yield described("rpc", f"{service.name}.{method.name}", SERVICE, s, METHOD, m)
        for e, enum in enumerate(file.enum_type):
            yield described("enum", enum.name, ENUM, e)
            for v, value in enumerate(enum.value):
                yield described("value", value.name, ENUM, e, VALUE, v)
        for m, message in enumerate(file.message_type):
            assert not message.nested_type, "messages are not nested; if they are, walk them here"
            assert not message.enum_type, "enums are not nested; if they are, walk them here"
            yield described("message", message.name, MESSAGE, m)
            for f, field in enumerate(message.field):
                yield described("field", f"{message.name}.{field.name}", MESSAGE, m, FIELD, f)
            for o, oneof in enumerate(message.oneof_decl):
                if not oneof.name.startswith("_"):
                    yield described("oneof", f"{message.name}.{oneof.name}", MESSAGE, m, ONEOF, o)
        for x, extension in enumerate(file.extension):
            yield described("field", extension.name, EXTENSION, x)
