"""Replays, simulations and the demo: the live stages with another source and another clock."""
