"""What is promised to those who install, build or read the project."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline import __version__

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"^([\w.-]+)==(\S+?) *(?:;(.*?))? *\\$", re.MULTILINE)
FOLDERS_OF_ONE_MACHINE = re.compile(r"(?<![\w.-])/(?:work|root|farm|tmp/v0)/")
# Written in pieces, so that this file does not hold what it looks for.
PACKAGE_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("repo1", "maven"),
        ("repo", "maven", "apache"),
        ("proxy", "golang"),
        ("deb", "debian"),
        ("registry", "npmjs"),
        ("static", "crates"),
    )
)


@pytest.fixture(scope="module")
def tracked() -> list[Path]:
    """Give the files under version control, as paths from the root."""
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is not a git checkout")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """Give pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def lines_with(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    return [
        f"{file}:{number}: {line.strip()}"
        for file in files
        for number, line in enumerate((ROOT / file).read_text(encoding="utf-8", errors="ignore").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_folder_of_one_machine(tracked: list[Path]) -> None:
    assert lines_with(FOLDERS_OF_ONE_MACHINE, tracked) == []


def test_no_file_names_the_host_packages_come_from(tracked: list[Path]) -> None:
    assert lines_with(re.compile("|".join(map(re.escape, PACKAGE_HOSTS))), tracked) == []


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (.*)$", changelog, re.MULTILINE)
    assert newest is not None
    assert __version__ in newest[1].replace("[", " ").replace("]", " ").split()


@pytest.fixture(scope="module")
def wheel_files(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Give the names of the files in the wheel, built from this tree."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("the build tool hatchling is not installed in this environment; `make install` does it")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_scripts_of_redis_and_every_other_file_of_the_package(
    wheel_files: set[str], tracked: list[Path]
) -> None:
    of_package = {file.as_posix() for file in tracked if file.parts[0] == "pipeline"}
    assert any(name.endswith(".lua") for name in of_package)
    assert of_package - wheel_files == set()


def test_the_wheel_holds_nothing_else_that_is_imported(wheel_files: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel_files} == {"pipeline", f"elan_esn-{__version__}.dist-info"}


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_make_command_of_the_pages_is_a_target(page: str) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^\$? *)make ([a-z][\w-]*)", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE))
    assert named, f"{page} names no make command"
    assert named - targets == set()


def pins(lock: str) -> dict[str, list[tuple[str, str]]]:
    """Return the pinned versions of each package with the marker of each."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, version, marker in PINNED.findall((ROOT / lock).read_text(encoding="utf-8")):
        found.setdefault(canonicalize_name(name), []).append((version, marker.strip()))
    return found


@pytest.mark.parametrize(("lock", "group"), [("requirements.txt", "build"), ("requirements-dev.txt", "dev")])
def test_the_lock_satisfies_what_the_project_asks_for(project: dict[str, Any], lock: str, group: str) -> None:
    asked = list(project["dependency-groups"][group])
    if group == "build":
        asked += project["project"]["dependencies"]
        for extra in project["project"]["optional-dependencies"].values():
            asked += extra
    pinned = pins(lock)
    for requirement in map(Requirement, asked):
        versions = [version for version, _ in pinned[canonicalize_name(requirement.name)]]
        assert versions, f"{requirement} is not in {lock}: run `make lock`"
        assert all(requirement.specifier.contains(version) for version in versions), f"{requirement}: run `make lock`"


def test_both_locks_pin_the_same_versions() -> None:
    run, develop = pins("requirements.txt"), pins("requirements-dev.txt")
    differing = {
        name: (run[name], develop[name])
        for name in run.keys() & develop.keys()
        if {version for version, _ in develop[name]} - {version for version, _ in run[name]}
    }
    assert differing == {}
