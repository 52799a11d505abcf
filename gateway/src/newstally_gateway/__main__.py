"""Runs the gateway: `newstally-gateway`, or `python -m newstally_gateway`."""

from newstally_runtime import signals
from newstally_runtime.service import run
from newstally_runtime.settings import load

from newstally_gateway.app import Gateway
from newstally_gateway.clients.service import NAME as STREAMS
from newstally_gateway.settings import GatewaySettings


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    signals.end_at_once()
    settings = load(GatewaySettings)
    run("gateway", settings, lambda lifecycle: Gateway(settings, lifecycle), apart=(STREAMS,))


if __name__ == "__main__":
    main()
