"""The container files are right by their schema and by what an administrator would check first."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml


def test_compose_file_follows_the_compose_specification(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_engine_starts_when_broker_and_database_are_healthy(root: Path) -> None:
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"]
    for name, needed in services["engine"]["depends_on"].items():
        assert needed == {"condition": "service_healthy"}
        assert services[name]["healthcheck"]["test"][0] == "CMD"
    assert set(services["engine"]["depends_on"]) == {"rabbitmq", "postgres"}


def test_compose_file_holds_no_password_and_listens_on_loopback_only(root: Path) -> None:
    text = (root / "docker-compose.yml").read_text()
    compose = yaml.safe_load(text)
    for line in re.findall(r"PASS\w*: (.*)|://\w+:([^@]*)@", text):
        assert "".join(line).startswith(("${", "/run/secrets/"))
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_data_outlive_their_containers(root: Path) -> None:
    compose = yaml.safe_load((root / "docker-compose.yml").read_text())
    mounted = {volume.split(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert set(compose["volumes"]) <= mounted


def last_stage(root: Path) -> list[str]:
    return (root / "Dockerfile").read_text().rpartition("\nFROM ")[2].splitlines()


def test_image_runs_as_an_ordinary_user(root: Path) -> None:
    users = [line.split()[1] for line in last_stage(root) if line.startswith("USER")]
    assert users
    assert users[-1] not in {"root", "0"}


def test_image_tells_its_health_and_stops_in_good_order(root: Path) -> None:
    lines = last_stage(root)
    assert any(line.startswith("HEALTHCHECK") and '"hie", "health"' in line for line in lines)
    assert 'ENTRYPOINT ["hie"]' in lines  # the exec form: signals reach the engine and not a shell


def test_image_is_built_from_pinned_versions_and_carries_no_tests(root: Path) -> None:
    assert "pip install --no-cache-dir -r requirements.lock" in (root / "Dockerfile").read_text()
    shipped = {line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert not shipped & {"tests", "bench", ".venv", ".git"}


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_files_pin_every_package_and_name_no_registry(root: Path, name: str) -> None:
    lines = [line for line in (root / name).read_text().splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==\S+", line) for line in lines)


def test_both_lock_files_agree(root: Path) -> None:
    runtime = set((root / "requirements.lock").read_text().split())
    assert {pin for pin in runtime if "==" in pin} <= set((root / "requirements-dev.lock").read_text().split())
