"""The key goes with every call, to nowhere else, and is seen nowhere."""

from pathlib import Path

import grpc
import pytest
from newstally import NewstallyClient
from newstally._gateway.securing import key_metadata
from newstally.errors import InputError
from newstally.settings import Access
from support.reference_gateway import ReferenceGateway

KEY = "0123456789abcdef.secretsecretsecret"


class Doorkeeper(grpc.aio.ServerInterceptor):
    """Keeps what each call shows."""

    def __init__(self) -> None:
        self.shown: dict[str, list[object]] = {}

    async def intercept_service(self, continuation, details):  # type: ignore[no-untyped-def]
        shown = [value for name, value in details.invocation_metadata if name == "authorization"]
        self.shown.setdefault(details.method.rsplit("/", 1)[1], []).extend(shown or [None])
        return await continuation(details)


async def test_every_call_shows_the_key() -> None:
    """Unary ones, streams and pages; without a key none of them does."""
    for key in (KEY, None):
        keeper = Doorkeeper()
        async with ReferenceGateway(interceptors=[keeper]) as gateway:
            access = Access(key=key)
            async with NewstallyClient(gateway.target, access=access) as client:
                await client.reach()
                await client.upload(
                    [{"publication": "P", "content": f"Ada {n}"} for n in range(3)],
                    upload_id="job",
                )
                [_ async for _ in client.refusals("job")]
                [_ async for _ in client.publications()]
        assert {"StreamArticles", "CreateUpload", "GetUpload", "ListRefusals"} < {*keeper.shown}
        for method, shown in keeper.shown.items():
            assert set(shown) == {None if key is None else f"Bearer {KEY}"}, method


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1:50051", "localhost:1", "[::1]:50051", "dns:///localhost:50051", "unix:/tmp/x"],
)
def test_on_this_machine_a_key_may_go_in_plain_text(target: str) -> None:
    """Nobody else hears it."""
    assert key_metadata(Access(key=KEY), target) == (("authorization", f"Bearer {KEY}"),)


@pytest.mark.parametrize("target", ["gateway:50051", "dns:///gateway:50051", "10.0.0.1:50051", "x"])
def test_to_another_machine_only_if_that_is_said(target: str, tmp_path: Path) -> None:
    """Or over TLS. What is said holds nothing of the key."""
    with pytest.raises(InputError, match="in plain text") as caught:
        key_metadata(Access(key=KEY), target)
    assert KEY not in str(caught.value)
    for access in (
        Access(key=KEY, tls=False),
        Access(key=KEY, tls=True),
        Access(key=KEY, ca=tmp_path / "ca.pem"),
    ):
        assert key_metadata(access, target)
    assert key_metadata(Access(), target) == ()


@pytest.mark.parametrize("key", ["", "two words", "line\nend", "\N{GREEK SMALL LETTER ALPHA}"])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    """A header could be made of it."""
    with pytest.raises(InputError, match="the key is none"):
        key_metadata(Access(key=key), "127.0.0.1:1")


def test_a_key_is_not_shown_by_accident() -> None:
    """In logs and tracebacks."""
    assert KEY not in repr(Access(key=KEY))
