"""`set-aside`: lists rows that the sink refuses, and has them tried again. The persister runs."""

import argparse
import json
from collections.abc import Sequence

import grpc
from newstally_protos.v1 import set_aside_pb2, set_aside_pb2_grpc

from newstally_persister.maintenance.stopped import say

SECONDS = 30.0
_TARGET = "127.0.0.1:50053"


def set_aside(arguments: Sequence[str]) -> int:
    """List them, a JSON object per line; with --retry have them tried again. Return 0, or 1."""
    parser = argparse.ArgumentParser(prog="newstally-persister set-aside", description=__doc__)
    parser.add_argument("--target", default=_TARGET, help=f"the persister's gRPC port ({_TARGET})")
    parser.add_argument("--retry", action="store_true", help="have all of them tried again")
    options = parser.parse_args(arguments)
    with grpc.insecure_channel(options.target) as channel:
        stub = set_aside_pb2_grpc.SetAsideServiceStub(channel)
        try:
            if options.retry:
                _retry(stub)
            else:
                _list(stub)
        except grpc.RpcError as error:
            say(f"error: {options.target}: {error.code().name}: {error.details()}")
            return 1
    return 0


def _list(stub: set_aside_pb2_grpc.SetAsideServiceStub) -> None:
    request = set_aside_pb2.ListSetAsideRowsRequest()
    for row in stub.ListSetAsideRows(request, timeout=SECONDS).rows:
        shown = {field.name: getattr(row, field.name) for field in row.DESCRIPTOR.fields}
        # JSON escapes what a terminal would obey.
        print(json.dumps(shown))  # noqa: T201 - a command's own words


def _retry(stub: set_aside_pb2_grpc.SetAsideServiceStub) -> None:
    request = set_aside_pb2.RetrySetAsideRowsRequest()
    say(f"{stub.RetrySetAsideRows(request, timeout=SECONDS).rows} rows are tried again")
