"""Options from a file and from the environment, where the command line does not say them.

    target = "gateway.example:50051"     # of every command that has the option

    [upload]
    content-column = "body"
    rate = 200

The names are those of the options. In the environment the same are `NEWSTALLY_UPLOAD_RATE` and so
on. The command line goes before the environment, and that before the file.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from typer.core import TyperGroup, TyperOption

from newstally.errors import InputError

VARIABLE = "NEWSTALLY_CONFIG"
_PREFIX = "NEWSTALLY"
Values = dict[str, Any]
"""By the names of parameters; those of a command that has commands by their names, too."""


def default_path(environment: Mapping[str, str]) -> Path:
    """Return where the file is looked for unless told otherwise (XDG)."""
    home = environment.get("HOME") or "/"  # a container's user may have no home
    base = environment.get("XDG_CONFIG_HOME") or Path(home) / ".config"
    return Path(base) / "newstally" / "config.toml"


def defaults(
    group: TyperGroup, path: Path | None, environment: Mapping[str, str] = os.environ
) -> Values:
    """Return what the commands of a group take for options that are not said.

    `path` is the file that the user named; by default none need be there. Raises InputError for a
    file that cannot be read, and for what is no option: a misspelt name must not mean nothing.
    """
    file, told = path or default_path(environment), path is not None
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
        # One that was not named may be out of reach: of a home that is another user's, say.
        if told:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from error
        data = {}
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read: {error}") from error
    try:
        return _of_group(group, data, {}, _PREFIX, environment)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def _of_group(
    group: TyperGroup,
    data: Mapping[str, Any],
    above: Mapping[str, Any],
    prefix: str,
    environment: Mapping[str, str],
) -> Values:
    """Return the values of a group and its commands; `above` is what holds wherever it is known."""
    tables = {name: value for name, value in data.items() if isinstance(value, dict)}
    own = {name: value for name, value in data.items() if name not in tables}
    if unknown := tables.keys() - group.commands.keys():
        raise InputError(f"[{min(unknown)}] is no command; there are: {_listed(group.commands)}")
    if unknown := own.keys() - set(_everywhere(group)):
        raise InputError(f"{min(unknown)} is an option of no command")
    common = {**above, **own}
    values = _values(group, common, prefix, environment)
    for name, command in group.commands.items():
        table, below = tables.get(name, {}), f"{prefix}_{_variable(name)}"
        if isinstance(command, TyperGroup):
            values[name] = _of_group(command, table, common, below, environment)
        elif unknown := table.keys() - dict(_options(command)).keys():
            raise InputError(f"{min(unknown)} is no option of `newstally {name}`")
        else:
            values[name] = _values(command, {**common, **table}, below, environment)
    return values


def _values(
    command: Any,
    data: Mapping[str, Any],
    prefix: str,
    environment: Mapping[str, str],
) -> Values:
    values: Values = {}
    for name, option in _options(command):
        variable = f"{prefix}_{_variable(name)}"
        if variable in environment:
            values[str(option.name)] = environment[variable]
        elif name in data:
            values[str(option.name)] = data[name]
    return values


def _options(command: Any) -> Iterator[tuple[str, TyperOption]]:
    """Yield the options by their long names without dashes."""
    for parameter in command.params:
        if isinstance(parameter, TyperOption) and not parameter.is_eager:
            for name in parameter.opts:
                if name.startswith("--"):
                    yield name.removeprefix("--"), parameter


def _everywhere(group: TyperGroup) -> Iterator[str]:
    yield from dict(_options(group))
    for command in group.commands.values():
        if isinstance(command, TyperGroup):
            yield from _everywhere(command)
        else:
            yield from dict(_options(command))


def _variable(name: str) -> str:
    return name.replace("-", "_").upper()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
