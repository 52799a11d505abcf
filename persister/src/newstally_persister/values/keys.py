"""Which spellings name the same publication, as it is recorded.

What a gateway admitted is never rejected here: an older one lets names in that today's refuses.
"""

from newstally_protos import names
from newstally_protos.limits import PUBLICATION_LIMIT_BYTES

UNNAMED = "(unnamed)"
"""What a publication is called of whose name nothing can be seen."""


def publication_name(publication: str) -> str:
    """Return the publication as it is shown: as the client spelt it, without what does harm.

    At most 512 bytes; what is longer is shown as its key, which finds it.
    """
    name = names.cleaned(publication)
    if not names.publication_key(name) or len(name.encode()) > PUBLICATION_LIMIT_BYTES:
        return publication_key(publication)
    return name


def publication_key(publication: str) -> str:
    """Return what tells publications apart: see newstally_protos.names. Never empty."""
    return names.publication_key(publication) or UNNAMED


def older_publication_key(publication: str) -> str:
    """Return the key that releases up to 0.2.0 gave; "" for white space only."""
    return " ".join(publication.split()).casefold()
