"""What docs/kubernetes.md says and tells somebody to type names what is there."""

import re
from pathlib import Path

import pytest
from manifests.certificates import FILES
from manifests.guide import Guide
from manifests.objects import EXAMPLES, FOLDER, REPOSITORY, files, load
from manifests.settings import KINDS, wrong_arguments
from newstally.certificates.folder import DOOR, SERVICES

DOCS = REPOSITORY / "docs"
TEXT = (DOCS / "kubernetes.md").read_text()
FOLDERS = {
    **{f"{service}-mtls": {service} for service in SERVICES},
    "gateway-tls": {DOOR},
    "gateway-keys": {"keys.json"},
}
"""What each Secret is made of."""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Every command that somebody calls who copies the page from top to bottom."""
    return Guide(TEXT).follow(tmp_path_factory.mktemp("page"))


def known() -> set[str]:
    """Return every variable that a service reads."""
    return {
        f"{kind.model_config.get('env_prefix', '')}{name}".upper()
        for kind in KINDS.values()
        for name in kind.model_fields
    }


def test_what_is_applied_is_there(followed: list[list[str]]) -> None:
    """Files, and folders with a kustomization."""
    applied = [command for command in followed if command[:2] == ["kubectl", "apply"]]
    assert len(applied) == 4
    for command in applied:
        for flag, path in zip(command[2::2], command[3::2], strict=True):
            assert flag in {"-f", "-k"}
            place = REPOSITORY / path
            assert (place / "kustomization.yaml").exists() if flag == "-k" else place.exists()


def test_what_is_made_by_hand_is_read(followed: list[list[str]]) -> None:
    """The ConfigMap is the second of a workload, which is restarted, and its variable is known."""
    (made,) = [command for command in followed if "configmap" in command]
    restarted = next(command[-1] for command in followed if "restart" in command)
    pod = load().pod(restarted.partition("/")[2])
    name = made[made.index("configmap") + 1]
    assert pod.container["envFrom"][-1]["configMapRef"]["name"] == name
    assert made[-1].removeprefix("--from-literal=").partition("=")[0] in known()


def test_the_secrets_are_those_that_are_mounted(followed: list[list[str]]) -> None:
    """Each before what asks for it is applied; with the files that `newstally cert` makes."""
    steps: dict[str, set[str]] = {}
    secrets: set[str] = set()
    for command in followed:
        if "secret" in command:
            name, source = command[command.index("generic") + 1], command[-1]
            if "--dry-run=client" not in command:
                assert Path(source.partition("=")[2]).name in FOLDERS[name]
                secrets.add(name)
        elif command[:2] == ["kubectl", "apply"] and "examples" in command[-1]:
            steps[Path(command[-1]).name] = set(secrets)
    assert steps["secure.yaml"] == FOLDERS.keys() - {"gateway-keys"}
    assert steps["closed.yaml"] == FOLDERS.keys() == FILES.keys() - {"dashboard-key"}


def test_the_clients_commands_are_taken(followed: list[list[str]]) -> None:
    """Their flags are known."""
    commands = [command[1:] for command in followed if command[0] == "newstally"]
    assert {command[0] for command in commands} == {"cert", "key"}
    assert [wrong for command in commands if (wrong := wrong_arguments(command))] == []


@pytest.mark.parametrize("page", ["kubernetes.md", "operating.md", "machine.md"])
def test_every_variable_of_a_service_is_one(page: str) -> None:
    """No page names a variable that nothing reads."""
    names = re.findall(r"NEWSTALLY_(?:GATEWAY|EXTRACTOR|PERSISTER)_\w+", (DOCS / page).read_text())
    assert names
    assert set(names) <= known()


def test_every_file_is_in_the_table() -> None:
    """And each example in the folder is named by some page."""
    for path in files():
        assert f"`k8s/{path.name}`" in TEXT
    pages = "".join(path.read_text() for path in DOCS.glob("*.md"))
    manifests = "".join(path.read_text() for path in FOLDER.glob("*.yaml"))
    for path in EXAMPLES.iterdir():
        assert path.name in pages + manifests, path


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that is there, and where a heading is named, to that."""
    for target, _, anchor in re.findall(r"\]\(((?!http)[^)#]*)(#?)([^)]*)\)", page.read_text()):
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", each).lower().replace(" ", "-") for each in headings}
            assert anchor in slugs, anchor
