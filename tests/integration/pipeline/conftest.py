"""One deployment a test."""

from __future__ import annotations

import hashlib
import os
import re
from typing import TYPE_CHECKING

import pytest

from tests.integration.pipeline.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def deployment(
    request: pytest.FixtureRequest, kafka_bootstrap: str, valkey_url: str, tmp_path: Path
) -> Iterator[Deployment]:
    """Give an empty deployment on real Apache Kafka and real Valkey; its workers are stopped at the end."""
    # Names of topics and namespaces have a limit; the digest keeps tests apart that begin alike.
    digest = hashlib.blake2b(request.node.nodeid.encode(), digest_size=4).hexdigest()
    name = f"{re.sub(r'[^a-z0-9]+', '-', request.node.name.lower())[:30]}-{digest}-{os.getpid()}"
    found = Deployment(kafka_bootstrap, valkey_url, name, tmp_path).prepare()
    yield found
    found.stop()
