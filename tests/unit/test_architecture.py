"""docs/architecture.md is the entrance: what it names is there, and no room is left out."""

import re
from pathlib import Path

from support.processes import REPOSITORY
from unit.test_rooms import PACKAGES, modules

PAGE = (REPOSITORY / "docs" / "architecture.md").read_text()


def expand(path: str) -> list[Path]:
    """Return where a path of the page may be: below the package, or below the repository."""
    first, _, rest = path.partition("/")
    found = [REPOSITORY / path]
    if first in PACKAGES:
        found.append(REPOSITORY / first / "src" / PACKAGES[first] / rest)
    return found


def rooms() -> set[str]:
    """Return the folders of the page's map, by their indentation."""
    block = re.search(r"^```\n(.*?)^```\n", PAGE, re.MULTILINE | re.DOTALL)
    assert block is not None
    found = set()
    above: list[str] = []
    for line in block[1].splitlines():
        match = re.fullmatch(r"( *)(\w+)/ +\S.*", line)
        assert match is not None, line
        above[len(match[1]) // 2 :] = [match[2]]
        found.add("/".join(above))
    return found


def test_every_path_exists() -> None:
    """Each name in code style that has a slash or ends in .py."""
    paths = [name for name in re.findall(r"`([\w./-]+)`", PAGE) if "/" in name]
    assert len(paths) > 50
    assert [path for path in paths if not any(file.exists() for file in expand(path))] == []


def test_the_map_shows_every_room() -> None:
    """Each folder of the packages, and none that is gone."""
    folders = set()
    for distribution, package in PACKAGES.items():
        source = REPOSITORY / distribution / "src" / package
        for file in modules(distribution).values():
            folder = file.parent.relative_to(source).as_posix()
            if (distribution, folder) != ("protos", "v1"):
                folders.add(distribution if folder == "." else f"{distribution}/{folder}")
    assert rooms() == folders


def test_it_stays_an_entrance() -> None:
    """Rules belong beside their code: this page only leads there."""
    assert len(PAGE.encode()) < 10_000


def test_every_function_named_beside_a_file_is_in_it() -> None:
    """`file.py`: `function`, `function`."""
    named = re.findall(r"`([\w/]+\.py)`: ((?:`\w+`(?:, )?)+)", PAGE)
    assert len(named) >= 5
    for path, functions in named:
        source = next(file for file in expand(path) if file.exists()).read_text()
        for function in re.findall(r"\w+", functions):
            assert f"def {function}(" in source, f"{path} has no {function}"
