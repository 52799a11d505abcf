"""Server reflection under both of its names: v1alpha, and v1, which newer tools ask for first."""

from collections.abc import Iterable

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2

OLD = "grpc.reflection.v1alpha"
NEW = "grpc.reflection.v1"
_SERVICE = "ServerReflection"
NAMES = (f"{OLD}.{_SERVICE}", f"{NEW}.{_SERVICE}")
"""The services."""
_METHOD = "ServerReflectionInfo"


def reflect(names: Iterable[str], server: grpc.aio.Server) -> None:
    """Let the server tell its services, and describe them."""
    _describe_new()
    services = [*names, *NAMES]
    reflection.enable_server_reflection(services, server)
    # The two differ in nothing but their package: grpcio-reflection has no v1.
    handler = grpc.stream_stream_rpc_method_handler(
        reflection.aio.ReflectionServicer(services).ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(f"{NEW}.{_SERVICE}", {_METHOD: handler}),)
    )


def _describe_new() -> None:
    """Put v1's description into the pool that reflection reads."""
    description = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(description)
    description.name, description.package = "grpc/reflection/v1/reflection.proto", NEW
    for message in description.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(OLD, NEW)
    for method in description.service[0].method:
        method.input_type = method.input_type.replace(OLD, NEW)
        method.output_type = method.output_type.replace(OLD, NEW)
    # The same description may be added again, as by a second server of a process.
    descriptor_pool.Default().AddSerializedFile(description.SerializeToString())
