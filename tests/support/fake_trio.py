"""Runs the real supervisor over fake services.

python fake_trio.py JOURNAL DRAIN_SECONDS KIND=BEHAVIOUR...
"""

import asyncio
import sys
from pathlib import Path

import typer
from newstally.up import Output, Plan, ServiceSpec, StartFailed, Supervisor

FAKE = str(Path(__file__).with_name("fake_service.py"))


def make_plan(journal: str, behaviours: dict[str, str], drain_seconds: float = 2.0) -> Plan:
    def spec(name: str) -> ServiceSpec:
        behaviour = behaviours.get(name, "good")
        command = (sys.executable, FAKE, behaviour, journal, "--name", name)
        return ServiceSpec(name, name.partition("-")[0], command, drain_seconds=drain_seconds)

    dashboard = spec("dashboard") if "dashboard" in behaviours else None
    extractors = (spec("extractor-1"), spec("extractor-2"))
    return Plan(spec("persister"), extractors, spec("gateway"), dashboard)


def main() -> None:
    behaviours = dict(pair.split("=") for pair in sys.argv[3:])
    plan = make_plan(sys.argv[1], behaviours, float(sys.argv[2]))
    output = Output(sys.stderr, as_json=False, colour=False)
    try:
        asyncio.run(Supervisor(plan, output, typer.echo).run())
    except StartFailed as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
