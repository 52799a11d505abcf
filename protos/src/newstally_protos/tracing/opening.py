"""Whether the environment asks for traces, and how they are opened."""

import os
from collections.abc import Callable, Mapping

from newstally_protos.tracing.spans import OFF, Traces

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENDPOINTS = (ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
END_SECONDS = 1.0
"""What sending the last spans may take at the end of a process."""


class TracesError(Exception):
    """Traces are asked for and cannot be sent: one line that says what to do."""


def are_wanted(environment: Mapping[str, str]) -> bool:
    """Whether a collector is named, and nothing says that it shall hear nothing."""
    return (
        any(environment.get(name) for name in ENDPOINTS)
        and environment.get("OTEL_SDK_DISABLED", "").lower() != "true"
        and environment.get("OTEL_TRACES_EXPORTER", "").lower() != "none"
    )


def open_traces(
    service: str, version: str, instance_id: str, on_trouble: Callable[[str], None]
) -> Traces:
    """Return where this process's spans begin; see `exporting.export`. Raises TracesError."""
    if not are_wanted(os.environ):
        return OFF
    for name in PROTOCOLS:
        if os.environ.get(name, "grpc") not in ("", "grpc"):
            raise TracesError(f"{name}: only grpc is spoken: say the collector's port of OTLP/gRPC")
    try:
        # The SDK takes a while to import: only who uses it waits for it.
        from newstally_protos.tracing.exporting import export  # noqa: PLC0415
    except ImportError as error:
        raise TracesError(
            f"{ENDPOINT} asks for traces, and the package {error.name} is missing: install"
            " opentelemetry-sdk and opentelemetry-exporter-otlp-proto-grpc (the extra `traces`), or"
            " unset it"
        ) from error
    try:
        return export(service, version, instance_id, on_trouble)
    except ValueError as error:
        raise TracesError(f"OTEL_ variables: {error}") from error
