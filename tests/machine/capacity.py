"""What gateway and extractors are told to use against what they get, however they are run."""

from collections.abc import Iterator

from manifests.hardening import OWN_BYTES, REPLICA_BYTES, REPLICA_BYTES_PER_BYTE
from newstally_extractor.settings import ExtractorSettings
from newstally_gateway.settings import GatewaySettings


def check_capacity(
    taking: GatewaySettings, gateway_bytes: float, reading: ExtractorSettings, replica_bytes: float
) -> Iterator[str]:
    """Give what does not fit into the memory of gateway and extractor."""
    if taking.max_content_bytes != reading.max_content_bytes:
        yield "gateway and extractors do not agree on the longest article"
    if taking.memory_bytes + OWN_BYTES > gateway_bytes:
        yield "the gateway's articles do not fit into its memory"
    if REPLICA_BYTES + REPLICA_BYTES_PER_BYTE * reading.max_content_bytes > replica_bytes:
        yield "the longest article does not fit into an extractor's memory"
