"""`hie check` knows the options of both ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.site import load_site

CHANNEL = """\
channel: results
inbound:
  fhir:
    listen: 127.0.0.1:8080
    {line}
routes:
  - route: server
    outbound: {{file: {{folder: out}}}}
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("answer: created", []),
        ("answer: {route: server, within: 5s}", []),
        ("interactions: [create, patch, delete, document]", []),
        ("types: [Patient, Observation]", []),
        ("access: {token: '${TOKEN}'}", []),
        ("reads: {server: 'https://fhir.example.org/r4'}", []),
        ("reads: {server: 'http://127.0.0.1:9090/r4'}", []),
        ("validate: us-core", []),
        ("validate: uscore", ["HIE206"]),
        ("answer: creatd", ["HIE206"]),
        ("answer: {route: sever}", ["HIE314"]),
        ("answer: {within: 5s}", ["HIE205", "HIE206"]),
        ("interactions: [read]", ["HIE206"]),
        ("types: [Pateint]", ["HIE206"]),
        ("access: {token: s3cret}", ["HIE401"]),
        ("public: hie.example.org", ["HIE206"]),
        ("reads: {server: fhir.example.org}", ["HIE206"]),
        ("reads: {server: 'http://fhir.example.org/r4'}", ["HIE402"]),
        ("bse: /fhir", ["HIE204"]),
    ],
)
def test_a_channel_file(tmp_path: Path, line: str, found: list[str]) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "results.yaml").write_text(CHANNEL.format(line=line))
    (tmp_path / "hie.yaml").write_text("journal: sqlite:///journal.db\n")
    site = load_site(tmp_path, {"TOKEN": "s3cret"})
    assert [finding.code for finding in site.findings] == found, site.findings
    assert all(finding.where == "channels/results.yaml:5" for finding in site.findings)


OUT = """\
channel: results
inbound:
  file: {{folder: in, format: fhir}}
routes:
  - route: server
    outbound:
      fhir: {line}
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{base: 'https://fhir.example.org/r4'}", []),
        ("{base: '{subscriber.address}', tls: {}}", ["HIE305"]),
        ("{base: 'http://127.0.0.1:8080/r4', interaction: update, condition: identifier, format: xml}", []),
        ("{base: 'https://fhir.example.org/r4', prefer: [return=minimal, respond-async], timeout: 5m}", []),
        ("{base: 'https://h/r4', smart: {client: c, key: keys/own.pem, key_id: k}}", []),
        ("{base: 'https://h/r4', smart: {client: c, key: keys/own.pem, key_id: k, token_url: 'https://h/t'}}", []),
        ("{base: 'http://fhir.example.org/r4'}", ["HIE402"]),
        ("{base: '{subscriber.address}'}", ["HIE305", "HIE402"]),
        ("{base: fhir.example.org}", ["HIE206"]),
        ("{base: 'https://fhir.example.org/r4?x=y'}", ["HIE206"]),
        ("{}", ["HIE205"]),
        ("{base: 'https://h/r4', token: s3cret}", ["HIE401"]),
        ("{base: 'https://h/r4', interaction: upsert}", ["HIE206"]),
        ("{base: 'https://h/r4', prefer: [minimal]}", ["HIE206"]),
        ("{base: 'https://h/r4', smart: {client: c, key_id: k}}", ["HIE205"]),
        ("{base: 'https://h/r4', smart: {client: c, key: keys/none.pem, key_id: k}}", ["HIE309"]),
        ("{base: 'https://h/r4', smart: {client: c, key: keys/own.pem, key_id: k, key_password: x}}", ["HIE401"]),
        ("{base: 'https://h/r4', smart: {client: c, key: keys/own.pem, key_id: k, token_url: h}}", ["HIE206"]),
    ],
)
def test_an_outbound_end(tmp_path: Path, line: str, found: list[str]) -> None:
    for folder in ("channels", "keys"):
        (tmp_path / folder).mkdir()
    (tmp_path / "keys" / "own.pem").write_text("")
    (tmp_path / "channels" / "results.yaml").write_text(OUT.format(line=line))
    (tmp_path / "hie.yaml").write_text("journal: sqlite:///journal.db\n")
    site = load_site(tmp_path, {})
    assert [finding.code for finding in site.findings] == found, site.findings
    assert all(finding.where == "channels/results.yaml:7" for finding in site.findings)
