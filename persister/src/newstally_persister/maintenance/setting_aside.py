"""`set-aside`: lists rows that the sink refuses, and has them tried again. The persister runs."""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path

import grpc
from newstally_protos.v1 import set_aside_pb2, set_aside_pb2_grpc
from newstally_protos.wire import PERSISTER_NAME
from newstally_runtime.tls.certificate import CertificateError, CertificateFiles, load
from newstally_runtime.tls.credentials import channel_credentials

from newstally_persister.maintenance.stopped import say

SECONDS = 30.0
_PORT_VARIABLE = "NEWSTALLY_PERSISTER_PORT"


def set_aside(arguments: Sequence[str]) -> int:
    """List them, a JSON object per line; with --retry have them tried again. Return 0, or 1."""
    parser = argparse.ArgumentParser(prog="newstally-persister set-aside", description=__doc__)
    target = f"127.0.0.1:{os.environ.get(_PORT_VARIABLE, '50053')}"
    parser.add_argument("--target", default=target, help=f"the persister's gRPC port ({target})")
    parser.add_argument("--retry", action="store_true", help="have all of them tried again")
    for name in ("cert", "key", "ca"):
        variable = f"NEWSTALLY_PERSISTER_MTLS_{name.upper()}"
        parser.add_argument(
            f"--mtls-{name}",
            type=Path,
            default=os.environ.get(variable),
            help=f"as the persister's, where its port speaks TLS ({variable})",
        )
    parser.add_argument("--mtls-name", default=PERSISTER_NAME, help="what it is called there")
    options = parser.parse_args(arguments)
    try:
        channel = _connect(options)
    except CertificateError as error:
        say(f"error: {error}")
        return 1
    with channel:
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


def _connect(options: argparse.Namespace) -> grpc.Channel:
    paths = (options.mtls_cert, options.mtls_key, options.mtls_ca)
    if None in paths:
        return grpc.insecure_channel(options.target)
    return grpc.secure_channel(
        options.target,
        channel_credentials(load(CertificateFiles(*map(Path, paths)))),
        options=[("grpc.ssl_target_name_override", options.mtls_name)],
    )


def _list(stub: set_aside_pb2_grpc.SetAsideServiceStub) -> None:
    request = set_aside_pb2.ListSetAsideRowsRequest()
    for row in stub.ListSetAsideRows(request, timeout=SECONDS).rows:
        shown = {field.name: getattr(row, field.name) for field in row.DESCRIPTOR.fields}
        # JSON escapes what a terminal would obey.
        print(json.dumps(shown))  # noqa: T201 - a command's own words


def _retry(stub: set_aside_pb2_grpc.SetAsideServiceStub) -> None:
    request = set_aside_pb2.RetrySetAsideRowsRequest()
    say(f"{stub.RetrySetAsideRows(request, timeout=SECONDS).rows} rows are tried again")
