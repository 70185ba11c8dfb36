"""`hie bench` measures, on a site of its own, and says what."""

from __future__ import annotations

import json

from click.testing import CliRunner

from engine.cli.bench_command import command


def test_fhir_is_measured_beside_http() -> None:
    said = CliRunner().invoke(command, ["--inbound", "fhir", "--messages", "100", "--connections", "4", "--json"])
    assert said.exit_code == 0, said.output
    results = json.loads(said.stdout)
    assert [(each["what"], each["end"], each["messages"]) for each in results] == [
        ("Patient creates", "http", 100),
        ("Patient creates", "fhir", 100),
        ("transactions of 20", "http", 20),
        ("transactions of 20", "fhir", 20),
    ]
    assert all(each["refused"] == 0 and 0 < each["median"] <= each["p99"] <= each["slowest"] for each in results)


def test_mllp_is_measured() -> None:
    said = CliRunner().invoke(command, ["--messages", "100", "--connections", "4", "--json"])
    assert said.exit_code == 0, said.output
    result = json.loads(said.stdout)
    assert (result["messages"], result["refused"], result["repeats"]) == (100, 0, 0)
    assert 0 < result["median"] <= result["p99"] <= result["slowest"]
