"""Élan: notices, while there is still time to act, which community of an enterprise social network loses momentum."""

__version__ = "0.1.0"
