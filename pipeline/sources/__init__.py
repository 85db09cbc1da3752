"""Fetch: platform exports into activities, in time order, to the topic or to a flat file."""
