"""The key that turns people into pseudonyms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.settings.sections import Settings

DEVELOPMENT_KEY = b"elan-development-key-that-everybody-knows"


def require_pseudonym_key(settings: Settings) -> bytes:
    """The key as bytes; in development mode, where none is set, one that everybody knows.

    Raises:
        SettingsError: production mode without a key.
    """
    key = settings.privacy.pseudonym_key
    if key is not None:
        return key.get_secret_value().encode()
    if settings.mode == "development":
        return DEVELOPMENT_KEY
    raise SettingsError(
        "privacy.pseudonym_key is not set, so people would not be protected: write one into a file "
        "(openssl rand -base64 32) and name it in ELAN_PRIVACY_PSEUDONYM_KEY_FILE, "
        'or set mode = "development" to try Élan on made-up data.'
    )
