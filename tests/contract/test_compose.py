"""docker-compose.yml and the Dockerfile, held to what can be held without an engine."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.settings import Settings
from pipeline.settings.keys import NOT_SETTINGS, keys

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CONDITIONS = {"service_healthy", "service_started", "service_completed_successfully"}
OURS = ("topics", "worker", "serve")


def test_only_known_top_level_keys_are_used() -> None:
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "secrets", "volumes"}


def test_every_service_the_users_need_is_there() -> None:
    assert set(SERVICES) == {"kafka", "valkey", "topics", "worker", "serve", "prometheus", "grafana"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_only_for_services_that_can_fulfil_its_condition(name: str) -> None:
    for target, waiting in SERVICES[name].get("depends_on", {}).items():
        assert target in SERVICES
        assert waiting["condition"] in CONDITIONS
        if waiting["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[target]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_hardened_pinned_and_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["init"] is True
    # Kafka's image writes its configuration at start.
    assert service.get("read_only") is True or name == "kafka"
    assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", service["image"])
    assert "mem_limit" in service
    assert "healthcheck" in service or name == "topics"
    for port in service.get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_volumes_and_mounted_folders_exist(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).is_dir()
            assert volume.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting(name: str) -> None:
    known = {key.variable for key in keys()} | {f"{key.variable}_FILE" for key in keys() if key.secret} | NOT_SETTINGS
    assert set(SERVICES[name]["environment"]) <= known


def test_valkey_evicts_nothing_and_writes_everything_down() -> None:
    command = SERVICES["valkey"]["command"]
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"
    assert command[command.index("--appendonly") + 1] == "yes"


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (500, False)])
def test_the_image_is_healthy_when_the_process_answers(status: int, *, healthy: bool) -> None:
    answer = f"HTTP/1.0 {status} Any\r\n\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as server:
        asked: list[bytes] = []
        thread = threading.Thread(target=_answer_once, args=(server, answer, asked))
        thread.start()
        done = subprocess.run(health_command(server.getsockname()[1]), check=False, capture_output=True)
        thread.join()
    assert (done.returncode == 0) is healthy
    assert asked[0].startswith(b"GET /-/healthy ")


def test_the_image_is_not_healthy_when_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert subprocess.run(health_command(port), check=False, capture_output=True).returncode == 1


def health_command(port: int) -> list[str]:
    """The image's HEALTHCHECK, asking one port of this test instead of those of worker and serve."""
    found = re.search(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    python, *arguments = json.loads(found.group(1))
    assert python == "python"
    ports = f"({Settings().worker.metrics_port}, {Settings().serve.port})"
    assert ports in arguments[-1]
    return [sys.executable, *arguments[:-1], arguments[-1].replace(ports, f"({port},)")]


def _answer_once(server: socket.socket, answer: bytes, asked: list[bytes]) -> None:
    connection, _ = server.accept()
    with connection:
        asked.append(connection.recv(1000))
        connection.sendall(answer)


def test_the_image_runs_as_nobody_and_copies_only_what_exists() -> None:
    stages = DOCKERFILE.split("\nFROM ")[1:]
    assert len(stages) == 2
    last = stages[-1]
    user = re.search(r"^USER (\d+):", last, re.MULTILINE)
    assert user is not None
    assert int(user.group(1)) > 0
    assert last.index("USER") < last.index("ENTRYPOINT")
    assert "HEALTHCHECK" in last
    assert not re.search(r"^ADD |curl|wget", DOCKERFILE, re.MULTILINE)
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            ignored = (ROOT / ".dockerignore").read_text().splitlines()
            assert f"!{source.removeprefix('./')}" in ignored
