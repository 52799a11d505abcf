"""The guide from nothing to first tallies names what is really there."""

import json
import re
from functools import reduce
from itertools import pairwise
from pathlib import Path

import pytest
from manifests.guide import Guide, flag
from manifests.naming import IMAGES
from manifests.objects import EXAMPLES, REPOSITORY, Manifests, load
from manifests.settings import settings_of, wrong_arguments
from newstally_gateway.core.clients.admission import charge_bytes
from newstally_gateway.settings import GatewaySettings

PAGES = ("gke.md", "operating.md", "runbook.md")
TEXT = "\n".join((REPOSITORY / "docs" / page).read_text() for page in PAGES)
Commands = list[list[str]]
SHORT = {"statefulset": "StatefulSet", "deployment": "Deployment", "service": "Service"}
SHORT |= {"job": "Job", "cronjob": "CronJob"}


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Commands:
    """Every command that somebody calls who copies the page from top to bottom."""
    return Guide(TEXT).follow(tmp_path_factory.mktemp("guide"))


def called(followed: Commands, *beginning: str) -> Commands:
    """Return the commands that begin like this."""
    return [each for each in followed if each[: len(beginning)] == list(beginning)]


def test_a_command_that_is_no_shell_is_noticed(tmp_path: Path) -> None:
    """A copy with an open quote, or with a variable that nobody set, cannot be followed."""
    for number, command in enumerate(("gcloud 'projects", 'gcloud "$PROJECT"')):
        directory = tmp_path / str(number)
        directory.mkdir()
        with pytest.raises(Exception, match="returned non-zero"):
            Guide(f"```console\n{command}\n```\n").follow(directory)


def test_nothing_is_left_to_fill_in_but_the_account(followed: Commands) -> None:
    """Every other name is set in the guide itself."""
    words = {re.sub(r"NEWSTALLY_\w+", "", word) for command in followed for word in command}
    assert [word for word in words if re.search(r"\$|[A-Z]{3,}_[A-Z]", word)] == [
        "--billing-account=ACCOUNT_ID"
    ]


def test_the_indexes_are_those_of_the_file(followed: Commands) -> None:
    """As firestore/firestore.indexes.json has them, but for what only the compact layout writes."""
    file = json.loads((REPOSITORY / "firestore" / "firestore.indexes.json").read_text())
    indexes = []
    for command in called(followed, "gcloud", "firestore", "indexes", "composite", "create"):
        fields = [each for each in command if each.startswith("--field-config=")]
        pairs = [re.fullmatch(r"--field-config=field-path=(\w+),order=(\w+)", f) for f in fields]
        described = [{"fieldPath": p[1], "order": p[2].upper()} for p in pairs if p]
        indexes.append((flag(command, "collection-group"), described))
    assert indexes == [(each["collectionGroup"], each["fields"]) for each in file["indexes"]]
    exempt = {
        (flag(command, "collection-group"), command[5])
        for command in called(followed, "gcloud", "firestore", "indexes", "fields", "update")
        if "--disable-indexes" in command
    }
    overrides = file["fieldOverrides"]
    assert exempt == {
        (each["collectionGroup"], each["fieldPath"])
        for each in overrides
        if each["collectionGroup"] not in {"tallies", "lists"}
        and not each["fieldPath"].startswith("dated_")
    }
    (ttl,) = called(followed, "gcloud", "firestore", "fields", "ttls", "update")
    expiring = [
        (each["collectionGroup"], each["fieldPath"]) for each in overrides if each.get("ttl")
    ]
    assert [(flag(ttl, "collection-group"), ttl[5])] == expiring


def everything() -> Manifests:
    """Return what the guide applies."""
    examples = (load(EXAMPLES / f"{name}.yaml") for name in ("upload-job", "sqlite-backup"))
    return reduce(Manifests.replaced_by, examples, load())


def test_what_kubectl_is_asked_about_is_there(followed: Commands) -> None:
    """Workloads, Services, Jobs, files and ports."""
    manifests = everything()
    made = {f"job/{c[-1]}" for c in called(followed, "kubectl") if c[3:5] == ["create", "job"]}
    for command in called(followed, "kubectl"):
        if len(command) > 1 and command[1] == "--namespace":
            assert command[2] == manifests.kind("Namespace")[0]["metadata"]["name"]
        for word in command:
            kind, slash, name = word.removeprefix("--from=").partition("/")
            if slash and kind in SHORT and word not in made:
                manifests.get(SHORT[kind], name)
        for before, word in pairwise(command):
            if before in {"-f", "--filename"}:
                assert (REPOSITORY / word).exists()
            if word.startswith("--from-file="):
                assert (REPOSITORY / word.partition("=")[2]).exists()
    (tunnel,) = [each for each in called(followed, "kubectl") if "port-forward" in each]
    ports = manifests.get("Service", "gateway")["spec"]["ports"]
    assert tunnel[-1].partition(":")[2] in {str(port["port"]) for port in ports}


def test_the_claim_and_the_pod_have_their_names() -> None:
    """Where the guide names what a StatefulSet makes."""
    persister = load().get("StatefulSet", "persister")
    (claim,) = persister["spec"]["volumeClaimTemplates"]
    name = persister["metadata"]["name"]
    assert set(re.findall(r"persistentvolumeclaim (\S+?)[`)\s]", TEXT)) == {
        f"{claim['metadata']['name']}-{name}-0"
    }
    assert set(re.findall(r"exec (\S+)", TEXT)) == {f"{name}-0"}


def test_rights_go_to_an_account_that_is_there(followed: Commands) -> None:
    """The persister's, in its namespace."""
    grants = called(followed, "gcloud", "projects", "add-iam-policy-binding")
    (member,) = [flag(g, "member") for g in grants if "datastore" in flag(g, "role")]
    namespace, account = re.fullmatch(r".*/subject/ns/(.+)/sa/(.+)", member).groups()  # type: ignore[union-attr]
    found = load().get("ServiceAccount", account)["metadata"]
    assert found["namespace"] == namespace
    assert load().pod("persister").spec["serviceAccountName"] == account


def test_make_knows_its_targets(followed: Commands) -> None:
    """`make images images-push image-names`."""
    makefile = (REPOSITORY / "Makefile").read_text()
    known = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    for command in called(followed, "make"):
        targets = [word for word in command[1:] if "=" not in word]
        assert set(targets) <= set(known)
    (images,) = re.findall(r"^IMAGES := (.*)$", makefile, re.MULTILINE)
    assert set(images.split()) == set(IMAGES.values())


def test_newstally_knows_its_flags(followed: Commands) -> None:
    """Each command line is one that the program takes."""
    commands = called(followed, "newstally")
    named = {"upload", "publications", "top", "cert", "key", "status"}
    assert {command[1] for command in commands} == named
    for command in commands:
        assert wrong_arguments(command[1:]) is None
    assert wrong_arguments(["upload", "sample/articles.jsonl", "--tarket", "x"]) is not None


def test_the_numbers_are_those_of_the_manifests() -> None:
    """Streams of a gateway, the longest article, and what extractors may have."""
    manifests = load()
    settings = settings_of(GatewaySettings, manifests.environment(manifests.pod("gateway")))
    streams = settings.memory_bytes // charge_bytes(settings.max_content_bytes)
    assert f"client streams at once ({streams} as" in TEXT.replace("\n  ", " ")
    limit = manifests.pod("extractor").container["resources"]["limits"]["memory"]
    longest = f"{settings.max_content_bytes:,} bytes at {limit.replace('Gi', ' GiB')}"
    assert longest in TEXT.replace("\n", " ")
    scaler = manifests.get("HorizontalPodAutoscaler", "extractor")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 20)
    assert "two to twenty" in TEXT


def test_the_job_and_the_tunnel_upload_the_same(followed: Commands) -> None:
    """Whoever takes both ways counts each article once: same articles, same id."""
    (upload,) = called(followed, "newstally", "upload")
    arguments = everything().pod("upload-sample").container["args"]
    assert upload[upload.index("--upload-id") + 1] == arguments[arguments.index("--upload-id") + 1]
    assert Path(upload[2]).name == Path(arguments[1]).name
