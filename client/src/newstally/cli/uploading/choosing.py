"""Decides which upload a run of `newstally upload` makes or carries on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from newstally.cli.uploading.states import Stage, StateStore, UploadState, check_same_input
from newstally.client import DEFAULT_TARGET, new_upload_id
from newstally.errors import InputError
from newstally.inputs import Fingerprint

_RANDOM = re.compile(r"[0-9a-f]{32}")
"""An id as `new_upload_id` makes them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The upload, its state already on disk."""

    state: UploadState
    target: str
    note: str = ""
    """Something the user should know."""

    @property
    def moved(self) -> bool:
        """Whether the gateway is at another address than when the upload was begun."""
        return self.target != self.state.target


def choose(
    store: StateStore,
    fingerprint: Fingerprint,
    *,
    target: str | None,
    upload_id: str | None,
    resume: bool,
    moved: bool = False,
    again: bool = False,
) -> Choice:
    """Return the upload to send the input to.

    By default that is the one that the articles themselves name, so that the same input is the same
    upload from any machine. `again` makes another, or goes on with one that was begun so. With
    `resume` or an id an upload goes on at the gateway that it was begun at, and elsewhere only if
    the user says that it `moved`.

    Raises InputError if that upload is of another input, or begun at another target, or if there
    is nothing to resume.
    """
    if upload_id is not None:
        state = store.find(upload_id)
        if state is None and resume:
            raise InputError(f"nothing is known here of upload {upload_id}; leave out --resume")
    elif resume:
        state = store.of_input(fingerprint)
        if state is None:
            raise InputError("no upload of this input was begun here; leave out --resume")
    else:
        return _by_articles(store, fingerprint, target or DEFAULT_TARGET, again=again)
    if state is None:
        target = target or DEFAULT_TARGET
        begun = store.begin(upload_id or new_upload_id(), target, fingerprint)
        return Choice(begun, target)
    check_same_input(state, fingerprint)
    return _go_on(state, target, moved)


def _go_on(state: UploadState, target: str | None, moved: bool) -> Choice:
    if target is None:
        note = f"going on with upload {state.upload_id} at {state.target}, where it was begun"
        return Choice(state, state.target, note)
    if target != state.target and not moved:
        raise InputError(
            f"upload {state.upload_id} was begun at {state.target}, not at {target}: leave out"
            " --target (and NEWSTALLY_TARGET), or add --moved if the same Newstally is there now"
        )
    return Choice(state, target, f"going on with upload {state.upload_id} at {target}")


def _by_articles(
    store: StateStore, fingerprint: Fingerprint, target: str, *, again: bool
) -> Choice:
    """Go on with an upload of these articles, or begin one.

    States are a cache here: without them the same upload is found at the gateway. But one of a
    random id, of --again or of release 0.2.0, is only known from its state.
    """
    derived = fingerprint.upload_id
    unreadable = store.unreadable()
    if unreadable and again:
        raise InputError(
            f"{unreadable}; it may be of an upload of this input that --again has begun: move it"
            " away if it is not"
        )
    everywhere = store.all_of_input(fingerprint)
    if again:
        everywhere = [
            state
            for state in everywhere
            if _RANDOM.fullmatch(state.upload_id) and state.stage is not Stage.FINISHED
        ]
    states = [state for state in everywhere if state.target == target]
    own = [state for state in states if state.upload_id == derived]
    for state in own or states:
        unfinished = state.stage is not Stage.FINISHED
        note = f"going on with upload {state.upload_id} at {target}" if unfinished else ""
        return Choice(state, target, note)
    upload_id = new_upload_id() if again else derived
    note = f"note: {unreadable}; it is passed over" if unreadable else ""
    sent = [state for state in everywhere if state.stage is not Stage.BEGUN]
    if all(state.upload_id != derived for state in sent):
        note = _elsewhere(sent, target) or note
    return Choice(store.begin(upload_id, target, fingerprint), target, note)


def _elsewhere(states: Sequence[UploadState], target: str) -> str:
    """Return a note on an upload of the input at another address, which may be the same gateway.

    The gateway at `target` cannot tell, as their ids are not those of the articles. Raises
    InputError for one that is unfinished: what it has settled would be counted twice. Such come
    first.
    """
    if not states:
        return ""
    state = states[0]
    if state.stage is Stage.FINISHED:
        return (
            f"note: upload {state.upload_id} has counted this input at {state.target}; if the same"
            f" Newstally is at {target} now, this counts it again"
        )
    raise InputError(
        f"upload {state.upload_id} of this input was begun at {state.target}: --resume --moved goes"
        f" on with it, if the same Newstally is at {target} now; if it is another one, give this"
        " upload an id of its own (--upload-id)"
    )
