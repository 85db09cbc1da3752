"""Tells the world: the alerts topic and the communities' metrics."""
