"""Decides which upload a run of `newstally upload` makes or carries on."""

from dataclasses import dataclass

from newstally.cli.states import Stage, StateStore, UploadState, check_same_input
from newstally.client import DEFAULT_TARGET, new_upload_id
from newstally.errors import InputError
from newstally.inputs import Fingerprint


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
) -> Choice:
    """Return the upload to send the input to.

    An upload goes on at the gateway that it was begun at, and elsewhere only if the user says that
    it `moved`. Raises InputError if that upload is of another input, or begun at another target, or
    if there is nothing to resume.
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
        return _anew(store, fingerprint, target)
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


def _anew(store: StateStore, fingerprint: Fingerprint, target: str | None) -> Choice:
    try:
        before = store.of_input(fingerprint)
    except InputError:
        before = None  # an upload of these paths, but of an older content: none of our business
    note = ""
    if before is not None and before.stage is not Stage.FINISHED:
        note = (
            f"note: this input has an unfinished upload, {before.upload_id}; what it settled is"
            " counted again by this new upload (interrupt and use --resume to go on with it)"
        )
    target = target or DEFAULT_TARGET
    return Choice(store.begin(new_upload_id(), target, fingerprint), target, note=note)
