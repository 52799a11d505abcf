"""`newstally dataset`: large sets of articles to try Newstally with."""

import contextlib
import shlex
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer

from newstally.cli.running import exit_codes, say
from newstally.cli.uploading.display import LINE_EVERY_SECONDS
from newstally.errors import InputError
from newstally.files import replacing_bytes
from newstally.inputs.archives import ARCHIVE_ERRORS, zip_members
from newstally.inputs.fetching import Wanted, fetch
from newstally.inputs.unpacking import UNPACKING_ERRORS

FIRST = ("articles1.csv", "articles2.csv", "articles3.csv")
SECOND = "all-the-news-2-1.csv"
PAGES = """\
The data set is not here, and whoever has it gives it to people only. Fetch one of the editions:
  1. 143,000 articles of 15 publications, 2015 to 2017, about 630 MB: articles1.csv, articles2.csv
     and articles3.csv from https://www.kaggle.com/datasets/snapcrack/all-the-news (an account is
     needed)
  2. 2.7 million articles of 27 publications, 2016 to 2020, about 8.8 GB: all-the-news-2-1.csv,
     plain or in a .zip, from https://components.one/datasets/all-the-news-2-news-articles-dataset
Put it into {folder} and run this command again: it says how to upload it. Both are read as they
are, packed or not. Where your organisation has a copy: --url https://…, with --sha256 if it is
known."""

dataset = typer.Typer(help="Sets of articles to try Newstally with.", no_args_is_help=True)


@dataset.callback()
def _dataset() -> None:
    """Keep the name of the set a command of its own."""


@dataset.command("all-the-news")
def all_the_news(
    *,
    folder: Annotated[Path, typer.Option(help="Where it is, or is put.")] = Path(),
    url: Annotated[
        str | None, typer.Option(help="Where it can be fetched without asking: http or https.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="What is fetched must have this.")] = None,
    size: Annotated[
        int | None, typer.Option(min=1, help="What is fetched must have so many bytes.")
    ] = None,
    packed: Annotated[
        bool, typer.Option("--packed", help="Leave a .zip as it is: it is read packed, too.")
    ] = False,
) -> None:
    """Find "All the News", or fetch it, and say how to upload it.

    A download that breaks off goes on, also when the command is run again.
    """
    with exit_codes(), _explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
        files = find(folder)
        if not files and url is not None:
            path = folder / _name(url)
            if not path.exists():
                fetch(Wanted(url, size, sha256), path, _Told())
                say(f"{path} is there")
            files = [path] if packed or path.suffix.lower() != ".zip" else unpack(path)
        if not files:
            raise InputError(PAGES.format(folder=folder.absolute()))
    typer.echo(f"newstally upload {shlex.join(map(str, files))}")


def find(folder: Path) -> list[Path]:
    """Return the files of an edition that are in a folder, by their usual names, packed or not."""
    for names in (FIRST, (SECOND,)):
        found = [_any(folder, (name, f"{name}.zip", f"{name}.gz")) for name in names]
        if all(found):
            return [path for path in found if path is not None]
    whole = _any(folder, ("all-the-news.zip", "archive.zip", "all-the-news-2-1.zip"))
    return [whole] if whole else []


def unpack(path: Path) -> list[Path]:
    """Write the CSV files of a .zip beside it; return them. What is complete stays as it is."""
    made = []
    try:
        with path.open("rb") as raw:
            for name, member in zip_members(raw, lambda name: name.lower().endswith(".csv")):
                # Only the last part of the name: a member must not write elsewhere.
                made.append(path.parent / PurePosixPath(name.replace("\\", "/")).name)
                if not made[-1].exists():
                    with replacing_bytes(made[-1]) as file:
                        shutil.copyfileobj(member, file, 1 << 20)
    except (*ARCHIVE_ERRORS, *UNPACKING_ERRORS) as error:
        raise InputError(
            f"{path}: it is damaged ({error}); remove it and fetch it again"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be unpacked: {error.strerror or error}") from error
    return made


def _any(folder: Path, names: Iterable[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _name(url: str) -> str:
    try:
        path = urlsplit(url).path
    except ValueError as error:
        raise InputError(f"{url}: is no address ({error}); write https://HOST/FILE") from error
    return PurePosixPath(unquote(path).replace("\0", "")).name or "all-the-news"


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename or folder}: {error.strerror or error}; name a folder that can be"
            " written to with --folder"
        ) from error


class _Told:
    """Says every few seconds how much is there."""

    def __init__(self) -> None:
        self._next = self._begin = time.monotonic()
        self._first: int | None = None

    def __call__(self, there: int, total: int | None) -> None:
        now = time.monotonic()
        self._first = there if self._first is None else self._first
        if now < self._next:
            return
        self._next = now + LINE_EVERY_SECONDS
        rate = (there - self._first) / max(now - self._begin, 0.001)
        of = f" of {total / 1e6:,.0f}" if total else ""
        say(f"{there / 1e6:,.0f}{of} MB, {rate / 1e6:,.1f} MB/s")
