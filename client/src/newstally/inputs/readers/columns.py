"""Which columns of a CSV file, or fields of a JSON object, make an article."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newstally.errors import InputError

PUBLICATION_NAMES = ("publication", "source", "publisher")
CONTENT_NAMES = ("content", "text", "body", "article")
CONTENT_NAMES_UP_TO_0_2 = CONTENT_NAMES[:3]
"""What these find, all of them find first."""
ARTICLE_ID_NAMES = ("article_id", "id")
TIME_NAMES = (
    "publish_time",
    "published",
    "published_at",
    "publishedat",
    "publish_date",
    "published_date",
    "date_published",
    "datepublished",
    "publication_date",
    "pub_date",
    "pubdate",
    "date",
    "datetime",
)


@dataclass(frozen=True, slots=True)
class Columns:
    """The names to look for; of several the first that is there counts. Case does not matter."""

    publication: tuple[str, ...] = PUBLICATION_NAMES
    content: tuple[str, ...] = CONTENT_NAMES
    article_id: tuple[str, ...] = ARTICLE_ID_NAMES
    constant_publication: str | None = None
    """The publication of every article, instead of a column."""
    time: tuple[str, ...] = TIME_NAMES
    """When it was published."""
    day_first: bool | None = None
    """Whether 03/04/2020 is in April; None: nobody knows."""

    def resolve(self, present: Iterable[str], *, sparse: bool = False) -> "ResolvedColumns":
        """Choose among the names that are there. Raises InputError naming what is missing.

        In `sparse` records the time may be missing, also where a column was named for it.
        """
        names = {name.strip().casefold(): name for name in reversed(list(present))}
        content = _first(self.content, names)
        publication = None
        if self.constant_publication is None:
            publication = _first(self.publication, names)
        article_id = _first(self.article_id, names)
        wanted = [(self.content, content, "content")]
        if self.constant_publication is None:
            wanted.append((self.publication, publication, "publication"))
        if self.article_id != ARTICLE_ID_NAMES:
            wanted.append((self.article_id, article_id, "id"))
        time = _first(self.time, names)
        if self.time != TIME_NAMES and not sparse:
            wanted.append((self.time, time, "time"))
        for sought, found, option in wanted:
            if found is None:
                raise InputError(
                    f"no column {' or '.join(sought)} for the {option}; there are:"
                    f" {', '.join(sorted(names.values())) or 'none'}; name it with"
                    f" --{option}-column"
                    + (" or give --publication NAME" if option == "publication" else "")
                )
        return ResolvedColumns(publication, content or "", article_id, time)

    def resolve_once(self, header: Sequence[str], where: str = "") -> "ResolvedColumns":
        """Choose likewise. Raises InputError, too, if a name that is chosen is there twice."""
        names = self.resolve(header)
        for name in names.all():
            if header.count(name) > 1:
                raise InputError(
                    f"{where}the column {name} is there {header.count(name)} times, and which is"
                    " meant nobody knows; rename them, or name other columns (--content-column and"
                    " so on)"
                )
        return names


@dataclass(frozen=True, slots=True)
class ResolvedColumns:
    """The names as the file spells them."""

    publication: str | None
    """None: it is constant."""
    content: str
    article_id: str | None
    """None: there is none. Likewise below."""
    time: str | None

    def all(self) -> list[str]:
        """Return those that there are."""
        names = (self.publication, self.content, self.article_id, self.time)
        return [name for name in names if name is not None]


def _first(sought: tuple[str, ...], names: dict[str, str]) -> str | None:
    keys = (name.strip().casefold() for name in sought)
    return next((names[key] for key in keys if key in names), None)
