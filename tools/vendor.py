"""`make vendor`: fetches anew the files of others that the dashboard serves, from npm.

What is wanted, and what came, stands in the manifest beside them: packages with their versions,
their files with SHA-256. To take another version, change it there, run this, look at the diff.
A file that differs from what the manifest says of the same version is an error.
"""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "dashboard/src/newstally_dashboard/static/vendor"
MANIFEST = FOLDER / "manifest.json"


def fetch(package: str, version: str) -> bytes:
    """Return a package of npm, as a tar archive; npm compares it with what the registry says."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", "--pack-destination", scratch, f"{package}@{version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(scratch).iterdir()
        return archive.read_bytes()


def update(entry: dict[str, Any], archive: bytes, folder: Path) -> list[str]:
    """Write the files of a package; return what differs from the same version as it was."""
    wrong = []
    same = entry.get("fetched") == entry["version"]
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        for file in entry["files"]:
            member = packed.extractfile(f"package/{file['from']}")
            assert member is not None, file["from"]
            data = member.read()
            digest = hashlib.sha256(data).hexdigest()
            if same and digest != file["sha256"]:
                wrong.append(f"{entry['name']} {entry['version']}: {file['from']} is another one")
            file["sha256"] = digest
            (folder / file["name"]).write_bytes(data)
    entry["fetched"] = entry["version"]
    return wrong


def main() -> None:
    """Fetch all of them."""
    manifest = json.loads(MANIFEST.read_text())
    wrong = []
    for entry in manifest["packages"]:
        wrong += update(entry, fetch(entry["name"], entry["version"]), FOLDER)
    if wrong:
        sys.exit("\n".join(wrong))
    MANIFEST.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
