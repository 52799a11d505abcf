"""Which spellings name the same publication."""


def publication_name(publication: str) -> str:
    """Return the publication as it is shown: trimmed, otherwise as the client spelt it."""
    return publication.strip()


def publication_key(publication: str) -> str:
    """Return what tells publications apart: trimmed, inner white space folded, case-folded.

    Blank (only white space, or nothing) gives "".
    """
    return " ".join(publication.split()).casefold()
