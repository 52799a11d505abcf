"""The files of others that the dashboard serves are those that npm has, with their licences."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import vendor
from newstally_dashboard.web.files import FOLDER

VENDOR = FOLDER / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text())


def test_each_file_is_the_one_that_was_fetched() -> None:
    """Nothing was changed here, and of nothing else is there a script."""
    told = {file["name"]: file["sha256"] for each in MANIFEST["packages"] for file in each["files"]}
    assert len(told) >= 5
    for name, digest in told.items():
        assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest, name
    assert {path.name for path in VENDOR.glob("*.js")} <= told.keys()


def test_each_package_comes_with_its_licence() -> None:
    """Its text is beside it, and the manifest names it."""
    for each in MANIFEST["packages"]:
        assert each["licence"]
        assert list(VENDOR.glob(f"{each['name']}.LICENSE.txt"))
        assert each["fetched"] == each["version"]


def archive(text: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("package/dist/a.js")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return packed.getvalue()


def test_another_file_of_the_same_version_is_noticed(tmp_path: Path) -> None:
    """A new version brings new digests; an old one never does."""
    entry = {
        "name": "p",
        "version": "1",
        "files": [{"from": "dist/a.js", "name": "a.js", "sha256": ""}],
    }
    assert vendor.update(entry, archive(b"one"), tmp_path) == []
    assert (tmp_path / "a.js").read_bytes() == b"one"
    assert vendor.update(entry, archive(b"one"), tmp_path) == []
    assert vendor.update(entry, archive(b"two"), tmp_path) == ["p 1: dist/a.js is another one"]
    assert vendor.update({**entry, "version": "2"}, archive(b"three"), tmp_path) == []
