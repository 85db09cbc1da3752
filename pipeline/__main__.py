"""`python -m pipeline` is the command `elan`."""

from __future__ import annotations

from pipeline.cli.main import main

main()
