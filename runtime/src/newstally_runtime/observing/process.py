"""One process, as status shows it."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from google.protobuf.timestamp_pb2 import Timestamp
from newstally_protos.v1.status_pb2 import ErrorFrame, ErrorGroup, ProcessStatus, StageTimes
from prometheus_client import Counter

from newstally_runtime.observing.errors import Errors, Group
from newstally_runtime.observing.recent import BOUNDS, Sampled, Times
from newstally_runtime.observing.release import Release, find_release
from newstally_runtime.observing.tracebacks import Raised


class Process:
    """Who it is, what failed in it, and how long its stages took."""

    def __init__(
        self,
        service: str,
        release: Release | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`release`: None finds the one that is installed."""
        self.service = service
        self.release = release or find_release(service)
        self.instance_id = secrets.token_hex(8)
        self.errors = Errors(service, wall_clock)
        self._began = wall_clock()
        self._stages: list[Times] = []
        self._rates: list[Sampled] = []

    def stage(self, times: Times) -> Times:
        """Show these, too."""
        self._stages.append(times)
        return times

    def rate(self, rate: Sampled) -> Sampled:
        """Have this sampled."""
        self._rates.append(rate)
        return rate

    def sample(self, now: float) -> None:
        """Sample what is to be; several times in a minute."""
        for each in self._rates:
            each.sample(now)

    def status(self, now: float) -> ProcessStatus:
        """Return it; `now` is the time that the stages are told."""
        return ProcessStatus(
            service=self.service,
            instance_id=self.instance_id,
            release=self.release.version,
            revision=self.release.revision,
            start_time=_timestamp(self._began),
            stages=[
                StageTimes(stage=each.stage, bounds=BOUNDS, counts=each.counts(now))
                for each in self._stages
            ],
            errors=[self._group(group) for group in self.errors.groups()],
            errors_forgotten=self.errors.forgotten,
        )

    def _group(self, group: Group) -> ErrorGroup:
        return ErrorGroup(
            fingerprint=group.fingerprint,
            service=self.service,
            event=group.event,
            kind=group.kind,
            count=group.count,
            first_time=_timestamp(group.first),
            last_time=_timestamp(group.last),
            release=str(self.release),
            frames=_frames(group.raised),
            trace_id=group.trace_id,
        )


def total(counter: Counter) -> float:
    """Return what a counter has counted, over all its labels."""
    samples = (sample for metric in counter.collect() for sample in metric.samples)
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def fingerprints(processes: Iterable[ProcessStatus]) -> Sequence[tuple[str, str, str]]:
    """Return (service, release, fingerprint) of all errors, and of each release without one."""
    found: dict[tuple[str, str, str], None] = {}
    for process in processes:
        release = str(Release(process.release, process.revision))
        found[process.service, release, ""] = None
        for group in process.errors:
            found[process.service, release, group.fingerprint] = None
    return list(found)


def _frames(raised: Sequence[Raised]) -> Iterator[ErrorFrame]:
    for each in raised:
        kind = each.kind
        for frame in each.frames:
            yield ErrorFrame(file=frame.file, line=frame.line, function=frame.function, raised=kind)
            kind = ""


def _timestamp(seconds: float) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromMicroseconds(int(seconds * 1e6))
    return timestamp
