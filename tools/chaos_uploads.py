"""The client of `make chaos`: uploads one file after the other, and may be killed at any time."""

import json
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chaos_peace import GivenUpError, Peace
from newstally import Article
from support.certificates import Secured
from support.corpus import make_articles

UPLOAD_ARTICLES = 3_000


def time_of(index: int) -> datetime | None:
    """Return when an article was published: most of them today, some long ago, some never."""
    ages = (None, 1, 40, 200, 20 * 365)
    age = ages[index % 20] if index % 20 < len(ages) else 0
    return None if age is None else datetime.now(UTC) - timedelta(days=age)


def make_upload(number: int, seed: int) -> list[Article]:
    """Return the articles of an upload; each mentions an entity of its own."""
    return [
        Article(
            article.publication,
            f"{article.content} Single{number}x{index}",
            article.article_id,
            publish_time=time_of(index),
        )
        for index, article in enumerate(make_articles(UPLOAD_ARTICLES, seed * 100_003 + number))
    ]


class Uploader:
    """Uploads file after file with the command line tool, which may be killed at any time."""

    def __init__(self, directory: Path, target: str, secured: Secured | None, seed: int) -> None:
        self._flags = secured.client_flags if secured is not None else []
        self._directory = directory
        self._target = target
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None
        self._last = threading.Event()
        self.articles: list[Article] = []
        self.uploads = 0
        self.failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="uploader")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def kill(self) -> None:
        """Kill -9 of the client; it is run again with --resume."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def finish(self, peace: Peace) -> None:
        """Let the upload under way be the last one, and wait for it while anything moves."""
        self._last.set()
        try:
            while self._thread.is_alive():
                self._thread.join(1.0)
                peace.check("the last upload does not end")
        except GivenUpError as error:
            self.failure = str(error)
            self.kill()
            self._thread.join()

    def _run(self) -> None:
        while not self._last.is_set() and self.failure is None:
            number = self.uploads
            self.uploads += 1
            articles = make_upload(number, self._seed)
            self.articles += articles
            path = self._directory / f"upload-{number}.jsonl"
            with path.open("w") as out:
                for article in articles:
                    row = {"publication": article.publication, "content": article.content}
                    if article.publish_time is not None:
                        row["publish_time"] = article.publish_time.isoformat()
                    out.write(json.dumps(row) + "\n")
            self._upload(path, f"chaos-{number}")
            path.unlink()

    def _upload(self, path: Path, upload_id: str) -> None:
        command = [
            *(sys.executable, "-m", "newstally", "upload", str(path), "--upload-id", upload_id),
            "--wait",  # a gateway may be away when a client begins
            *("--target", self._target, "--state-dir", str(self._directory / "state")),
            *self._flags,
        ]
        log = self._directory / "client.log"
        while self.failure is None:
            state = list((self._directory / "state").glob("**/*"))
            known = any(f'"{upload_id}"' in each.read_text() for each in state if each.is_file())
            with log.open("ab") as sink:
                self._process = subprocess.Popen(
                    [*command, *(["--resume"] if known else [])], stdout=sink, stderr=sink
                )
                code = self._process.wait()
            if code == 0:
                return
            if code != -signal.SIGKILL:
                self.failure = f"newstally upload ended with {code}: {log.read_text()[-500:]}"
