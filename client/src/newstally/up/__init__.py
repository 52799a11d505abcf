"""Runs the three services on this machine, as children that do not outlive it.

persister, extractors ──serving──▶ gateway ──all ready──▶ "ready: ..." on stdout
"""

from newstally.up.child import StartFailed
from newstally.up.output import Output
from newstally.up.services import Plan, ServiceSpec, make_plan
from newstally.up.supervisor import Supervisor

__all__ = ["Output", "Plan", "ServiceSpec", "StartFailed", "Supervisor", "make_plan"]
