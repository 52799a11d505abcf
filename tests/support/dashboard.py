"""The dashboard as a real process."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.processes import Process


class DashboardProcess(Process):
    """Serves pages at `base`."""

    @property
    def base(self) -> str:
        """Scheme, host and port of its pages, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def dashboard_process(
    gateway: str, log_path: Path, flags: Sequence[str] = ()
) -> Iterator[DashboardProcess]:
    """Run a dashboard of one gateway, until the block is left."""
    with DashboardProcess(
        "newstally_dashboard", ["--gateway", gateway, *flags], log_path
    ) as process:
        yield process
