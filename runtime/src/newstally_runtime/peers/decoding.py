"""Requests that are no messages of their kind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError


@dataclass(frozen=True, slots=True)
class Undecodable:
    """A request that is no message of its kind."""

    size_bytes: int
    """Of what came."""


def lenient(decode: Callable[[bytes], Any] | None) -> Callable[[bytes], Any]:
    """Return a deserializer that does not raise: grpc.aio would log a traceback."""

    def decoded(data: bytes) -> Any:
        try:
            return data if decode is None else decode(data)
        except DecodeError:
            return Undecodable(len(data))

    return decoded
