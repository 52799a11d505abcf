"""What both ends of a connection agree on."""

import grpc
import pytest
from newstally_protos.wire import CHANNEL_OPTIONS, SERVER_OPTIONS, retry_delay_seconds
from newstally_runtime import status


def failure(*metadata: tuple[str, bytes | str]) -> grpc.aio.AioRpcError:
    trailing = grpc.aio.Metadata(*metadata)
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), trailing, "why")


def details(seconds: float) -> bytes:
    data: bytes = status.wait(seconds, "w").to_status().SerializeToString()
    return data


def test_pings_are_never_too_many_for_a_server() -> None:
    """Keepalive has to fit on both sides: what pings too often is answered with GOAWAY."""
    for options in (CHANNEL_OPTIONS, SERVER_OPTIONS):
        every = dict(options)["grpc.keepalive_time_ms"]
        assert every > dict(SERVER_OPTIONS)["grpc.http2.min_recv_ping_interval_without_data_ms"]


@pytest.mark.parametrize(("sent", "read"), [(1.5, 1.5), (0.0, 0.0), (-2.0, 0.0)])
def test_the_delay_of_retry_info_is_read(sent: float, read: float) -> None:
    """As text or as bytes; nobody is asked to come back in the past."""
    for value in (details(sent), details(sent).decode("latin-1")):
        assert retry_delay_seconds(failure(("grpc-status-details-bin", value))) == read


@pytest.mark.parametrize("data", [b"\xff\xff\xff", b"", status.invalid("f", "m").to_status()])
def test_other_details_ask_for_no_delay(data: object) -> None:
    """What is no google.rpc.Status, or one without RetryInfo, changes nothing."""
    value = data if isinstance(data, bytes) else data.SerializeToString()  # type: ignore[attr-defined]
    assert retry_delay_seconds(failure(("grpc-status-details-bin", value))) is None
    assert retry_delay_seconds(failure(("other", b"x"))) is None
    assert retry_delay_seconds(failure()) is None
