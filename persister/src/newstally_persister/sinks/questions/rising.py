"""The measure of what rises, which the command line shares."""

from newstally_protos.rising import MIN_ARTICLES, Change, Rise, most, rise

__all__ = ["MIN_ARTICLES", "Change", "Rise", "most", "rise"]
