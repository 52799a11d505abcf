"""What is on disk for resuming, and which upload a run chooses."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from newstally import InputError
from newstally.cli.uploading.choosing import Choice, choose
from newstally.cli.uploading.states import Stage, StateStore, UploadState, default_directory
from newstally.inputs import Columns, Fingerprint

INPUT = Fingerprint(("/in/a.csv",), (".csv",), (10,), "00ff", Columns(), "utf-16", ";", "ab" * 32)
CHANGED = replace(INPUT, sizes=(12,), digest="1234", articles="cd" * 32)


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path / "new" / "states")


def test_a_state_comes_back_as_it_was_saved(store: StateStore, tmp_path: Path) -> None:
    """The file is complete, private to its folder, and no temporary file is left."""
    state = store.begin("job", "host:1", INPUT)
    assert store.find("job") == state
    folder = tmp_path / "new" / "states"
    assert [path.name for path in folder.iterdir()] == ["job.json"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_upload_begun_by_the_release_before_goes_on(store: StateStore, tmp_path: Path) -> None:
    """0.1.0 knew neither encoding nor delimiter; its uploads would else be counted twice."""
    plain = replace(INPUT, encoding="utf-8", delimiter=",")
    state = store.begin("job", "host:1", plain)
    path = tmp_path / "new" / "states" / "job.json"
    saved = json.loads(path.read_text())
    del saved["fingerprint"]["encoding"], saved["fingerprint"]["delimiter"]
    path.write_text(json.dumps({**saved, "version": 2}))
    assert store.of_input(plain) == state


STATE_OF_0_2 = """{
  "version": 3,
  "upload_id": "0123456789abcdef0123456789abcdef",
  "target": "host:1",
  "fingerprint": {
    "paths": ["/in/a.csv"],
    "formats": [".csv"],
    "sizes": [10],
    "digest": "00ff",
    "columns": {
      "publication": ["publication", "source", "publisher"],
      "content": ["content", "text", "body"],
      "article_id": ["article_id", "id"],
      "constant_publication": null
    },
    "encoding": "utf-16",
    "delimiter": ";"
  },
  "created": "2026-11-21T07:44:05.123456+00:00",
  "stage": "created"
}
"""


@pytest.mark.parametrize("resume", [False, True])
def test_an_upload_begun_by_0_2_0_goes_on(store: StateStore, tmp_path: Path, resume: bool) -> None:
    """As it wrote its state: begun anew, all that it settled would be counted twice."""
    (tmp_path / "new" / "states").mkdir(parents=True)
    name = "0123456789abcdef0123456789abcdef"
    (tmp_path / "new" / "states" / f"{name}.json").write_text(STATE_OF_0_2)
    choice = choose(store, INPUT, target="host:1", upload_id=None, resume=resume)
    assert choice.state.upload_id == name
    again = choose(store, INPUT, target="host:1", upload_id=name, resume=True)
    assert again.state == choice.state


def test_the_state_is_durable_before_it_is_named(
    store: StateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that fails half-way leaves the old state and no rubbish."""
    state = store.begin("job", "host:1", INPUT)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("newstally.files.os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        store.advance(state, Stage.FINISHED)
    assert store.find("job") == state


def test_an_unfinished_upload_goes_before_a_finished_one(store: StateStore) -> None:
    """--resume finds what there is to do; if nothing is, the last finished one."""
    store.begin("first", "host:1", INPUT)
    second = store.begin("second", "host:1", INPUT)
    store.advance(second, Stage.FINISHED)
    found = store.of_input(INPUT)
    assert found is not None
    assert found.upload_id == "first"
    store.advance(found, Stage.FINISHED)
    last = store.of_input(INPUT)
    assert last is not None
    assert (last.upload_id, last.stage) == ("second", Stage.FINISHED)


def test_resuming_with_a_changed_input_is_refused(store: StateStore) -> None:
    """The message says which upload and what differs."""
    store.begin("job", "host:1", INPUT)
    for upload_id in (None, "job"):
        with pytest.raises(InputError, match=r"of another input .*10 bytes and is 12"):
            choose(store, CHANGED, target=None, upload_id=upload_id, resume=True)
    with pytest.raises(InputError, match="another input"):
        choose(store, CHANGED, target=None, upload_id="job", resume=False)


def test_there_must_be_something_to_resume(store: StateStore) -> None:
    """--resume never begins an upload."""
    for upload_id in (None, "job"):
        with pytest.raises(InputError, match="leave out --resume"):
            choose(store, INPUT, target=None, upload_id=upload_id, resume=True)
    assert store.of_input(INPUT) is None


def test_a_run_without_options_is_the_upload_of_its_articles(store: StateStore) -> None:
    """The same articles name the same upload, at any gateway; others another one."""
    first = choose(store, INPUT, target="host:1", upload_id=None, resume=False)
    assert first.state.upload_id == "input-" + "ab" * 20
    assert (first.state.stage, first.note, first.target) == (Stage.BEGUN, "", "host:1")
    store.advance(first.state, Stage.CREATED)
    second = choose(store, INPUT, target="host:1", upload_id=None, resume=False)
    assert (second.state.upload_id, second.state.stage) == (first.state.upload_id, Stage.CREATED)
    elsewhere = choose(store, INPUT, target="host:2", upload_id=None, resume=False)
    assert elsewhere.state.upload_id == first.state.upload_id
    assert (elsewhere.state.stage, elsewhere.moved) == (Stage.BEGUN, False)
    changed = choose(store, CHANGED, target="host:1", upload_id=None, resume=False)
    assert changed.state.upload_id == "input-" + "cd" * 20


def test_an_upload_of_a_random_id_is_that_of_its_input(store: StateStore) -> None:
    """What the release before has begun or finished is not counted once more under another id."""
    old = store.begin("random", "host:1", replace(INPUT, articles=""))
    for stage in (Stage.CREATED, Stage.FINISHED):
        store.advance(old, stage)
        choice = choose(store, INPUT, target="host:1", upload_id=None, resume=False)
        assert choice.state.upload_id == "random"


@pytest.mark.parametrize("again", [False, True])
def test_an_upload_of_another_address_is_not_begun_anew(store: StateStore, again: bool) -> None:
    """Only its state knows its id: the same Newstally may have another address by now.

    Begun anew there, all that it has settled would be counted twice. The user decides: it goes on
    with --moved, or this is another upload with an id of its own.
    """
    name = "0123456789abcdef0123456789abcdef"
    old = store.begin(name, "host:1", INPUT)

    def plain() -> Choice:
        return choose(store, INPUT, target="host:2", upload_id=None, resume=False, again=again)

    store.advance(old, Stage.CREATED)
    with pytest.raises(InputError, match=rf"{name} .*host:1: --resume --moved goes on .*host:2"):
        plain()
    moved = choose(store, INPUT, target="host:2", upload_id=None, resume=True, moved=True)
    assert (moved.state.upload_id, moved.target) == (name, "host:2")
    own = choose(store, INPUT, target="host:2", upload_id="mine", resume=False)
    assert own.state.upload_id == "mine"
    store.forget(own.state)
    store.advance(old, Stage.FINISHED)
    told = plain().note
    assert again or f"{name} has counted this input at host:1" in told


def test_an_upload_elsewhere_that_nothing_was_sent_to_is_in_nobodys_way(store: StateStore) -> None:
    """As where the address was mistyped."""
    store.begin("mine", "host:1", INPUT)
    choice = choose(store, INPUT, target="host:2", upload_id=None, resume=False)
    assert (choice.state.upload_id, choice.note) == (INPUT.upload_id, "")


def test_an_upload_that_nothing_was_sent_to_hides_no_other(store: StateStore) -> None:
    """The input's own id, at an address that was mistyped, is not where it was settled."""
    old = store.begin("0123456789abcdef0123456789abcdef", "host:1", INPUT)
    store.begin(INPUT.upload_id, "mistyped:1", INPUT)
    store.advance(old, Stage.CREATED)
    with pytest.raises(InputError, match="--resume --moved"):
        choose(store, INPUT, target="host:2", upload_id=None, resume=False)


def test_a_state_can_be_read_by_0_2_0(store: StateStore, tmp_path: Path) -> None:
    """Put back, it goes on with an upload of today: its default of contents is another."""
    store.begin("job", "host:1", replace(INPUT, columns=Columns()))
    saved = json.loads((tmp_path / "new" / "states" / "job.json").read_text())
    assert saved["fingerprint"]["columns"]["content"] == ["content", "text", "body"]
    found = store.find("job")
    assert found is not None
    assert found.fingerprint.columns == Columns()


def test_again_is_another_upload_and_goes_on_with_it(store: StateStore) -> None:
    """A random id, kept until it is finished."""

    def again() -> UploadState:
        return choose(store, INPUT, target="host:1", upload_id=None, resume=False, again=True).state

    choose(store, INPUT, target="host:1", upload_id=None, resume=False)
    first = again()
    assert not first.upload_id.startswith("input-")
    assert again().upload_id == first.upload_id
    store.advance(first, Stage.FINISHED)
    assert again().upload_id != first.upload_id


@pytest.mark.parametrize("resume", [True, False])
def test_an_upload_goes_on_at_its_gateway_and_says_so(store: StateStore, resume: bool) -> None:
    """The state remembers the target; one line names upload and target."""
    store.begin("job", "host:1", INPUT)
    kept = choose(store, INPUT, target=None, upload_id="job", resume=resume)
    assert (kept.state.upload_id, kept.target, kept.moved) == ("job", "host:1", False)
    assert kept.note == "going on with upload job at host:1, where it was begun"
    same = choose(store, INPUT, target="host:1", upload_id="job", resume=resume)
    assert same.note == "going on with upload job at host:1"


@pytest.mark.parametrize("upload_id", [None, "job"])
def test_an_upload_goes_on_elsewhere_only_when_told(
    store: StateStore, upload_id: str | None
) -> None:
    """Another target may be another Newstally: the user has to say that it only moved."""
    store.begin("job", "host:1", INPUT)
    with pytest.raises(InputError, match=r"begun at host:1, not at host:2: .* --moved"):
        choose(store, INPUT, target="host:2", upload_id=upload_id, resume=True)
    there = choose(store, INPUT, target="host:2", upload_id=upload_id, resume=True, moved=True)
    assert (there.target, there.moved) == ("host:2", True)


@pytest.mark.parametrize("upload_id", ["", "../x", "a/b", ".hidden", "x" * 129, "é"])
def test_ids_that_are_none_are_refused(store: StateStore, upload_id: str) -> None:
    """An id is part of a file name: only what the protocol allows."""
    with pytest.raises(InputError, match="--upload-id"):
        store.begin(upload_id, "host:1", INPUT)


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "{}", '{"version": 99}', "\0", "[" * 100_000),
        STATE_OF_0_2.replace("+00:00", ""),
    ],
)
def test_a_damaged_state_is_told_and_does_not_hide_others(
    store: StateStore, tmp_path: Path, text: str
) -> None:
    """Asked for by id it is an error; when looking for an input it is passed over, and told."""
    store.begin("job", "host:1", INPUT)
    (tmp_path / "new" / "states" / "bad.json").write_text(text)
    with pytest.raises(InputError, match=r"bad\.json: no readable upload state"):
        store.find("bad")
    assert store.of_input(INPUT) is not None
    other = choose(store, CHANGED, target="host:1", upload_id=None, resume=False)
    assert "bad.json: no readable upload state" in other.note
    # It may be the one to go on with.
    with pytest.raises(InputError, match="move it away"):
        choose(store, INPUT, target="host:1", upload_id=None, resume=False, again=True)


def test_where_states_are_kept() -> None:
    """The variable of our own goes before XDG, XDG before the home directory."""
    assert default_directory({"NEWSTALLY_STATE_DIR": "/a"}) == Path("/a")
    assert default_directory({"XDG_STATE_HOME": "/b"}) == Path("/b/newstally/uploads")
    assert default_directory({}) == Path.home() / ".local/state/newstally/uploads"
