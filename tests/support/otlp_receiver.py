"""A collector for tests: takes OTLP over gRPC on a loopback port, and keeps the spans."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as pb_grpc


@dataclass(frozen=True)
class Received:
    """One span, as it came."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    """Empty: it began its trace."""
    links: tuple[tuple[str, str], ...]
    """(trace_id, span_id) of each."""
    begin_nanos: int
    end_nanos: int
    attributes: Mapping[str, str]
    resource: Mapping[str, str]
    error: bool

    @property
    def service(self) -> str:
        return self.resource["service.name"]


class OtlpReceiver(pb_grpc.TraceServiceServicer):
    """Use it with `with`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: list[Received] = []
        self.raw: list[bytes] = []
        """Each request, serialised."""
        self._server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
        pb_grpc.add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        self.port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def environment(self) -> dict[str, str]:
        """What has a process send its spans here, soon."""
        return {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.port}",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }

    def spans(self, *names: str) -> list[Received]:
        """Return those of these names that have come so far; without names all."""
        with self._lock:
            return [span for span in self._spans if not names or span.name in names]

    def Export(
        self, request: pb.ExportTraceServiceRequest, context: Any
    ) -> pb.ExportTraceServiceResponse:
        """Take spans."""
        found = [
            Received(
                name=span.name,
                trace_id=span.trace_id.hex(),
                span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(),
                links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
                begin_nanos=span.start_time_unix_nano,
                end_nanos=span.end_time_unix_nano,
                attributes=_attributes(span.attributes),
                resource=_attributes(of_resource.resource.attributes),
                error=bool(span.status.code == 2),
            )
            for of_resource in request.resource_spans
            for of_scope in of_resource.scope_spans
            for span in of_scope.spans
        ]
        with self._lock:
            self._spans += found
            self.raw.append(request.SerializeToString())
        return pb.ExportTraceServiceResponse()

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop(None).wait()


def _attributes(pairs: Any) -> dict[str, str]:
    return {
        pair.key: str(getattr(pair.value, str(pair.value.WhichOneof("value")))) for pair in pairs
    }
