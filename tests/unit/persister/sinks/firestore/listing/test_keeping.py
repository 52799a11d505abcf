"""Lists are exact for the flush that they name, whatever happens. The database checks each."""

import pytest
from support.listing_lives import LONGEST_SECONDS, live
from support.virtual_time import run


@pytest.mark.parametrize("journals", [1, 2])
@pytest.mark.parametrize("seed", range(15))
def test_each_list_shows_the_flush_that_it_names(seed: int, journals: int) -> None:
    """Checked by the database at each write of a list; in the end they show everything."""
    database = run(live(seed, journals), LONGEST_SECONDS)
    assert database.lists_written["all"] >= 3
