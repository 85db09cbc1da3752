# Élan in a container: wheels are made in one stage, installed in another that has no compiler and no root.
FROM python:3.13-slim-bookworm AS wheels
WORKDIR /src
COPY requirements.txt ./
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY pipeline ./pipeline
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim-bookworm
COPY --from=wheels /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
# A worker answers on 9464, serve on 9465; compose asks each on its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD ["python", "-c", "import contextlib, sys, urllib.request\nfor port in (9464, 9465):\n    with contextlib.suppress(OSError):\n        urllib.request.urlopen(f'http://127.0.0.1:{port}/-/healthy', timeout=2)\n        sys.exit(0)\nsys.exit(1)"]
ENTRYPOINT ["elan"]
CMD ["worker"]
