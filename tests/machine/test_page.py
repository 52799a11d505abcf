"""What docs/machine.md tells somebody to type names what is there."""

import re
from pathlib import Path

import pytest
from machine.compose import FILE
from machine.units import FOLDER, read
from manifests.guide import Guide
from manifests.objects import REPOSITORY
from manifests.settings import settings_of, wrong_arguments
from newstally_extractor.settings import ExtractorSettings

TEXT = (REPOSITORY / "docs" / "machine.md").read_text()


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Every command that somebody calls who copies the page from top to bottom."""
    place = tmp_path_factory.mktemp("page")
    (place / "deploy").mkdir()
    return Guide(TEXT).follow(place)


def test_what_is_copied_and_installed_is_there(followed: list[list[str]]) -> None:
    """Folders of distributions, and the units."""
    for command in followed:
        for word in command:
            if word.startswith(("./", "deploy/")):
                assert list(REPOSITORY.glob(word.removeprefix("./"))), word
    (pip,) = [command for command in followed if "/opt/newstally/bin/pip" in command]
    named = {word.removeprefix("./") for word in pip if word.startswith("./")}
    assert named == {path.parent.name for path in REPOSITORY.glob("*/pyproject.toml")}
    copied = {word for command in followed for word in command if word.startswith("deploy/")}
    for path in FOLDER.iterdir():
        assert any(path.match(word) for word in copied), path


def test_the_units_that_are_started_are_there(followed: list[list[str]]) -> None:
    """And the gateway is told of each extractor that is."""
    (enabled,) = [command for command in followed if "enable" in command]
    names = [word for word in enabled if word.startswith("newstally")]
    files = {path.name for path in FOLDER.iterdir()}
    for name in names:
        file = re.sub(r"@\d\d", "@", name)
        assert {file, f"{file}.service"} & files, name
    unit = read()["newstally-extractor"]
    instances = [name.partition("@")[2] for name in names if "@" in name]
    ports = [settings_of(ExtractorSettings, unit.environment(each)).port for each in instances]
    targets = ",".join(f"127.0.0.1:{port}" for port in ports)
    assert f"NEWSTALLY_GATEWAY_EXTRACTORS={targets}\n" in TEXT.replace(" \\", "")


def test_newstally_takes_its_arguments(followed: list[list[str]]) -> None:
    """Called on the machine, or in a container."""
    calls = [command[1:] for command in followed if command[0] == "newstally"]
    calls += [
        command[command.index("client") + 1 :]
        for command in followed
        if command[:3] == ["docker", "compose", "run"]
    ]
    assert len(calls) == 3
    for arguments in calls:
        assert wrong_arguments(arguments) is None


def test_the_compose_file_is_where_the_page_goes(followed: list[list[str]]) -> None:
    """`cd deploy`, and the words of its comment are the page's."""
    assert FILE.parent.name == "deploy"
    used = [command[1:] for command in followed if command[:2] == ["docker", "compose"]]
    said = [
        line.removeprefix("#   ").partition("docker ")[2].split()
        for line in Path(FILE).read_text().splitlines()
        if line.startswith("#   ") and "docker" in line
    ]
    assert all(line in used for line in said)
