"""The services' flags as `newstally up` passes them on: `--set SERVICE.FLAG=VALUE` and its own."""

import difflib
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence

from newstally.errors import InputError

HELP_SECONDS = 60.0
"""How long a service may take to list its flags."""
RENAMED = {"data-dir": "data"}
"""Flags of services that are called differently here."""
OWN = frozenset({"data", "model", "engine", "sink", "flush-age"})
"""Flags of services that are flags of `newstally up`, too."""
FIXED = {
    "port": "it chooses the ports; --port sets the gateway's",
    "admin-port": "it chooses the ports",
    "data-dir": "use --data",
    "persister": "it has a persister of its own",
    "gateway": "it has a gateway of its own",
    "extractors": "it has extractors of its own; --extractors says how many",
    "log-format": "use --log-format",
}
"""Flags that it sets itself, and why not to set them."""
_SETTING = re.compile(r"(?P<kind>[a-z]+)\.(?P<flag>[a-z][a-z0-9-]*)=(?P<value>.*)", re.DOTALL)
_LISTED = re.compile(r"^ +--([a-z][a-z0-9-]*)", re.MULTILINE)
_NAMED = re.compile(r"(?<![\w-])--([a-z][a-z0-9-]*)")


def parse_settings(
    settings: Sequence[str], kinds: Collection[str], known_flags: Callable[[str], Collection[str]]
) -> dict[str, list[str]]:
    """Return the flags per kind of service for `kind.flag=value` strings.

    `known_flags` gives the flags of a kind. Raises InputError for what no service would take.
    """
    flags: dict[str, list[str]] = {}
    known: dict[str, Collection[str]] = {}
    for setting in settings:
        match = _SETTING.fullmatch(setting)
        if match is None or match["kind"] not in kinds:
            raise InputError(
                f"--set {setting}: write SERVICE.flag=value, SERVICE one of {', '.join(kinds)}"
            )
        kind, flag = match["kind"], match["flag"]
        if kind not in known:
            known[kind] = known_flags(kind)
        if flag not in known[kind]:
            raise InputError(f"--set {setting}: {_unknown(kind, flag, known[kind])}")
        if flag in FIXED:
            raise InputError(f"--set {setting}: not under `newstally up`: {FIXED[flag]}")
        flags.setdefault(kind, []).append(f"--{flag}={match['value']}")
    return flags


def _unknown(kind: str, flag: str, known: Collection[str]) -> str:
    free = sorted(set(known) - set(FIXED))
    nearest = difflib.get_close_matches(flag, free, n=3, cutoff=0.5)
    nearest = nearest or [name for name in free if set(flag.split("-")) & set(name.split("-"))]
    if nearest:
        return f"the {kind} has no such flag; did you mean {' or '.join(nearest)}?"
    return f"the {kind} has no such flag; it has {', '.join(free)}"


def listed_flags(kind: str) -> frozenset[str]:
    """Return the flags that a service's --help lists. Raises InputError if there is no help."""
    # -P: no Python files of the working directory; see services.python_module.
    command = [sys.executable, "-P", "-m", f"newstally_{kind}", "--help"]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, and a module of three
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=HELP_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"the {kind} cannot list its flags: {error}") from error
    return frozenset(_LISTED.findall(done.stdout)) - {"help"}


def as_typed(kind: str, text: str) -> str:
    """Name flags in a service's message as the user of `newstally up` types them."""

    def name(match: re.Match[str]) -> str:
        flag = RENAMED.get(match[1], match[1])
        return f"--{flag}" if flag in OWN or match[1] in FIXED else f"--set {kind}.{flag}"

    return _NAMED.sub(name, text)
