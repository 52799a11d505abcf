"""`make run`: start the trio, upload the sample, show the tallies and what rose, stop."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tools"))

from local_trio import newstally, trio  # noqa: E402 - tools/ is no package

TOP = "8"


def main() -> None:
    """Run the demonstration in a directory that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="newstally-run-") as scratch:
        log = Path(scratch, "trio.log")
        print("Starting gateway, two extractors and persister ...", flush=True)
        try:
            with trio(Path(scratch, "data"), ["--extractors", "2"], log) as target:
                show(target, Path(scratch, "state"))
        except BaseException:
            print(log.read_text()[-8000:], file=sys.stderr)
            raise
    print("Stopped.")


def show(target: str, state: Path) -> None:
    """Upload the sample; print what each publication mentions most, more than another, and anew."""
    command = (sys.executable, "-m", "newstally")
    subprocess.run(
        [
            *(*command, "upload", str(HERE / "articles.jsonl"), "--target", target),
            *("--state-dir", str(state), "--wait-applied"),
        ],
        check=True,
    )
    for tally in json.loads(newstally("publications", "--target", target, "--json").stdout):
        name = tally["publication"]
        print(f"\n{name}: {tally['articles']} articles, {tally['mentions']} mentions", flush=True)
        subprocess.run([*command, "top", name, "-n", TOP, "--target", target], check=True)
    compared = ("The Daily Heliograph", "The Tontine Ledger", "-n", "3", "--target", target)
    subprocess.run([*command, "compare", *compared], check=True)
    print("\nIn the last week of the sample:", flush=True)
    subprocess.run([*command, "rising", "-n", TOP, "--target", target], check=True)
    risen = json.loads(newstally("rising", "-n", "1", "--target", target, "--json").stdout)
    for first in risen["entities"]:
        print(flush=True)
        entity = first["entity"]
        subprocess.run(
            [
                *(*command, "history", entity["text"], "--label", entity["label"]),
                *("--target", target),
            ],
            check=True,
        )


if __name__ == "__main__":
    main()
