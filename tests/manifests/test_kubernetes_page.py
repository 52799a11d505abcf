"""What docs/kubernetes.md says and tells somebody to type names what is there."""

import re
from pathlib import Path

import pytest
from manifests.guide import Guide
from manifests.objects import EXAMPLES, FOLDER, REPOSITORY, files, load
from manifests.settings import KINDS

DOCS = REPOSITORY / "docs"
TEXT = (DOCS / "kubernetes.md").read_text()


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
    assert len(applied) == 2
    for command in applied:
        for flag, path in zip(command[2::2], command[3::2], strict=True):
            assert flag in {"-f", "-k"}
            place = REPOSITORY / path
            assert (place / "kustomization.yaml").exists() if flag == "-k" else place.exists()


def test_what_is_made_by_hand_is_read(followed: list[list[str]]) -> None:
    """The ConfigMap is the second of a workload, which is restarted, and its variable is known."""
    (made,) = [command for command in followed if "configmap" in command]
    (restarted,) = [command[-1] for command in followed if "restart" in command]
    pod = load().pod(restarted.partition("/")[2])
    name = made[made.index("configmap") + 1]
    assert pod.container["envFrom"][1]["configMapRef"]["name"] == name
    assert made[-1].removeprefix("--from-literal=").partition("=")[0] in known()


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
