"""TLS as the settings want it, for the clients of Kafka and of Redis."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.settings import KafkaSettings, RedisSettings


def ssl_context(settings: KafkaSettings | RedisSettings) -> ssl.SSLContext:
    """A verifying context with the authority and the certificate of the settings.

    Raises:
        SettingsError: a file cannot be read or holds no certificate or key.
    """
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca_file)
        if settings.tls_certificate_file is not None:
            context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file)
    except OSError as error:
        named = (settings.tls_ca_file, settings.tls_certificate_file, settings.tls_key_file)
        files = ", ".join(file for file in named if file is not None)
        raise SettingsError(
            f"The TLS files {files} cannot be used ({error}): check the settings tls_…_file."
        ) from error
    return context
