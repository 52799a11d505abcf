"""The compact layout: many tallies in one document, so that a flush costs few writes."""
