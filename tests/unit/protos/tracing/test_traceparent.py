"""What peers say of traces is read as W3C writes it, and anything else is ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_protos.tracing.traceparent import KEY, Traceparent, of_metadata, read

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"

HOSTILE = [
    "",
    "01",
    GOOD.upper(),
    f"{GOOD}\n",
    f" {GOOD}",
    f"{GOOD}-more",
    f"{GOOD}{'0' * 100_000}",
    f"ff-{TRACE}-{SPAN}-01",
    f"00-{'0' * 32}-{SPAN}-01",
    f"00-{TRACE}-{'0' * 16}-01",
    f"00-{TRACE[:-1]}-{SPAN}-01",
    f"00-{TRACE}-{SPAN}-1",
    f"00-{'g' * 32}-{SPAN}-01",
    f"00-{chr(0x661) * 32}-{SPAN}-01",  # a digit, and none of ASCII's
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_none_is_ignored(text: str) -> None:
    """Too long, too short, in capitals, of zeros, of digits that are not ASCII: never an error."""
    assert read(text) is None
    assert of_metadata([(KEY, text)]) is None


@given(st.text())
def test_no_text_is_an_error(text: str) -> None:
    """Whatever is read is written as it came, but for the version and flags that nobody knows."""
    found = read(text)
    assert found is None or str(found)[3:52] == text[3:52]


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.booleans(), st.integers(0, 254))
def test_what_is_written_is_read(trace: int, span: int, sampled: bool, version: int) -> None:
    """Also where a later version of the standard wrote it, with flags of its own."""
    written = Traceparent(f"{trace:032x}", f"{span:016x}", sampled)
    assert read(str(written)) == written
    flags = 0xFE | sampled
    assert read(f"{version:02x}-{trace:032x}-{span:016x}-{flags:02x}") == written


def test_a_call_belongs_to_one_trace() -> None:
    """One that says two things says nothing; bytes say nothing either."""
    good = read(GOOD)
    assert good is not None
    assert of_metadata([("other", "x"), (KEY, GOOD)]) == good
    assert of_metadata([(KEY, GOOD), (KEY, GOOD)]) is None
    assert of_metadata([(KEY, GOOD.encode())]) is None
    assert of_metadata(None) is None
    assert not good.unsampled().sampled
