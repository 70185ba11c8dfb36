"""A site's folder: what its channels come to, its settings, its own steps, and what of it is not fit to run."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.channel import Retry
from engine.config.rules import lint
from engine.config.site import check, load_site
from schemas.finding import Severity
from schemas.message import TEXT, Message
from schemas.values import Address
from tests.engine.config.fakes import ALL_STEPS, CHANNEL, ENDS, site_of, write_site
from transforms import STEPS

OUT = "routes: [{route: a, outbound: {folder: {folder: out}}}]\n"
OWN = """
    from transforms import StepError, step

    @step
    def shout(message, *, mark: str = "!"):
        return message.derive("shout", body=message.body.upper() + mark.encode())
"""


def small(name: str, port: int, more: str = "") -> str:
    return f"channel: {name}\ninbound: {{wire: {{listen: '127.0.0.1:{port}'}}}}\n{more}{OUT}"


def test_a_channel_file_comes_to_a_channel(tmp_path: Path) -> None:
    site = site_of(tmp_path, {"channels/adt.yaml": CHANNEL})
    assert site.findings == ()
    assert site.files == {"adt": "channels/adt.yaml"}
    (channel,) = site.channels
    assert (channel.name, channel.description, channel.repeats) == ("adt", "An ADT feed.", None)
    assert channel.inbound.end is ENDS["wire"]
    assert channel.inbound.options == {"listen": Address("127.0.0.1", 2575), "senders": ["STANNE"]}
    assert [step.name for step in channel.steps] == ["keep", "set"]
    assert channel.steps[0].written == "keep: {MSH-9.1: ADT, MSH-9.2: [A01, A02]}"
    practice, archive = channel.routes
    assert str(practice.when) == "subscriber.delivery: direct"
    assert practice.retry == Retry(timedelta(minutes=1), timedelta(hours=1), timedelta(hours=24))
    assert (practice.in_order, practice.parallel) == ("PID-3.1", 1)
    assert [step.written for step in practice.steps] == ["stamp"]
    assert (archive.in_order, archive.parallel, archive.retry) == (None, 4, Retry())
    assert archive.outbound.options == {"folder": tmp_path / "archive", "name": "{MSH-10}.hl7"}


@pytest.mark.parametrize(
    ("written", "bound"),
    [
        ("repeats: 1h", timedelta(hours=1)),
        ("repeats: {window: 30m}", timedelta(minutes=30)),
        ("repeats: none", None),
        ("", timedelta(hours=2)),
    ],
)
def test_the_window_of_repeats(written: str, bound: timedelta | None, tmp_path: Path) -> None:
    files = {"hie.yaml": "repeats: 2h\n", "channels/a.yaml": small("a", 1, f"{written}\n")}
    (channel,) = site_of(tmp_path, files).channels
    assert channel.repeats == bound


@pytest.mark.parametrize(("written", "bound"), [("true", "true"), ("yes", "true"), ("no", None), ("PV1-19", "PV1-19")])
def test_in_order_is_the_whole_route_or_a_key(written: str, bound: str | None, tmp_path: Path) -> None:
    text = small("a", 1).replace("{route: a,", f"{{route: a, in_order: {written},")
    (channel,) = site_of(tmp_path, {"channels/a.yaml": text}).channels
    assert channel.routes[0].in_order == bound


def test_a_channel_with_an_error_does_not_run_and_the_others_do(tmp_path: Path) -> None:
    site = site_of(tmp_path, {"channels/a.yaml": small("a", 1, "stps: x\n"), "channels/b.yml": small("b", 2)})
    assert [channel.name for channel in site.channels] == ["b"]
    assert site.has_errors
    assert site.channel("a") is None
    assert site.channel("b") is site.channels[0]


def test_the_second_of_two_on_one_port_does_not_run(tmp_path: Path) -> None:
    site = site_of(tmp_path, {"channels/a.yaml": small("a", 1), "channels/b.yaml": small("b", 1)})
    assert [channel.name for channel in site.channels] == ["a"]


def test_a_channel_that_is_not_enabled_is_checked_and_takes_no_port(tmp_path: Path) -> None:
    files = {
        "channels/a.yaml": small("a", 1, "enabled: no\nsteps: [keep: {PID.3: x}]\n"),
        "channels/b.yaml": small("b", 1),
    }
    site = site_of(tmp_path, files)
    assert [channel.name for channel in site.channels] == ["b"]
    assert [each.code for each in site.findings] == ["HIE210"]


def test_cases_and_hidden_files_are_no_channels(tmp_path: Path) -> None:
    files = {"channels/a.yaml": small("a", 1), "channels/a.cases.yaml": "cases: []\n", "channels/.a.yaml": "x"}
    assert site_of(tmp_path, files).findings == ()


def test_findings_come_by_file_and_line(tmp_path: Path) -> None:
    more = "".join(f"k{n}: x\n" for n in range(12))
    site = site_of(tmp_path, {"hie.yaml": "x: y\n", "channels/b.yaml": small("b", 2, more), "channels/a.yaml": "a: b"})
    assert [each.where for each in site.findings] == sorted(
        (each.where for each in site.findings), key=lambda where: (where.split(":")[0], int(where.split(":")[1]))
    )
    assert len(site.findings) > 12


def test_there_is_no_such_folder(tmp_path: Path) -> None:
    (found,) = check(tmp_path / "none", {})
    assert (found.code, found.severity) == ("HIE101", Severity.ERROR)


def test_settings_and_their_defaults(tmp_path: Path) -> None:
    settings = site_of(tmp_path / "a", {"channels/a.yaml": small("a", 1)}).settings
    assert settings.journal == f"sqlite:///{(tmp_path / 'a/var/journal.db').absolute()}"
    assert (settings.backbone, settings.search, settings.repeats) == ("embedded", {}, None)
    assert settings.retention.of("a") == timedelta(days=30)
    assert settings.health is not None
    assert settings.health.listen == Address("127.0.0.1", 8075)
    written = """
        journal: postgresql://hie:${PASSWORD}@db/hie
        backbone: amqp://hie:${PASSWORD}@mq
        search: {accession: OBR-3.1}
        retention:
          default: 7d
          channels: {a: 90d}
        health: none
        log: {level: debug, format: json}
        repeats: 1h
    """
    site = site_of(tmp_path / "b", {"hie.yaml": written, "channels/a.yaml": small("a", 1)}, {"PASSWORD": "swordfish"})
    assert site.findings == ()
    assert site.settings.journal == "postgresql://hie:swordfish@db/hie"
    assert site.settings.search == {"accession": "OBR-3.1"}
    assert (site.settings.retention.of("a"), site.settings.retention.of("b")) == (timedelta(days=90), timedelta(days=7))
    assert (site.settings.health, site.settings.log.level) == (None, "debug")
    assert "swordfish" not in repr(site)


@pytest.mark.parametrize(
    ("journal", "env", "path"),
    [
        ("", {"HIE_DATA": "/data"}, "/data/journal.db"),
        ("journal: sqlite:///keep/j.db\n", {"HIE_DATA": "/data"}, "{site}/keep/j.db"),
        ("journal: sqlite:////abs/j.db\n", {}, "/abs/j.db"),
    ],
)
def test_where_the_journal_lies(journal: str, env: dict[str, str], path: str, tmp_path: Path) -> None:
    site = site_of(tmp_path, {"hie.yaml": journal, "channels/a.yaml": small("a", 1)}, env)
    assert site.settings.journal == "sqlite:///" + path.format(site=tmp_path.absolute())


def test_a_wrong_line_of_the_settings_leaves_the_others(tmp_path: Path) -> None:
    site = site_of(tmp_path, {"hie.yaml": "journl: x\nretention: {default: long}\nbackbone: amqp://mq\n"})
    assert [(each.code, each.where) for each in site.findings if each.where.startswith("hie")] == [
        ("HIE201", "hie.yaml:1"),
        ("HIE206", "hie.yaml:2"),
    ]
    assert site.settings.backbone == "amqp://mq"


def test_the_sites_own_steps_belong_to_it_alone(tmp_path: Path) -> None:
    before = dict(STEPS)
    site = site_of(
        tmp_path, {"extensions/own.py": OWN, "channels/a.yaml": small("a", 1, "steps: [shout: {mark: '?'}]\n")}
    )
    assert site.findings == ()
    message = Message("0" * 32, "a", TEXT, b"hello", datetime(2024, 1, 1, tzinfo=UTC))
    assert [made.body for made in site.channels[0].steps[0](message)] == [b"HELLO?"]
    assert "shout" in site.steps
    assert before == STEPS


def test_the_sites_own_options_are_checked(tmp_path: Path) -> None:
    files = {"extensions/own.py": OWN, "channels/a.yaml": small("a", 1, "steps: [shout: {marc: '?'}]\n")}
    (found,) = site_of(tmp_path, files).findings
    assert str(found) == "channels/a.yaml:3: HIE204 shout: there is no option 'marc' (did you mean mark?)"


def test_an_extension_that_fails_takes_only_its_own_steps_away(tmp_path: Path) -> None:
    files = {
        "extensions/bad.py": "import nonsuch\n",
        "extensions/exit.py": "raise SystemExit(3)\n",
        "extensions/own.py": OWN,
        "channels/a.yaml": small("a", 1, "steps: [shout]\n"),
    }
    site = site_of(tmp_path, files)
    assert [each.where for each in site.findings] == ["extensions/bad.py:1", "extensions/exit.py:1"]
    assert [channel.name for channel in site.channels] == ["a"]
    assert not [name for name in sys.modules if name.startswith("hie_site_") and name.endswith(("_bad", "_exit"))]


def test_an_extension_may_hold_dataclasses_and_types_of_its_own(tmp_path: Path) -> None:
    code = """
        from __future__ import annotations
        from dataclasses import dataclass
        from typing import Literal
        from pydantic import BaseModel
        from schemas.message import Message
        from transforms import step

        Size = Literal["small", "large"]

        class Ward(BaseModel):
            name: str
            size: Size = "small"

        @dataclass
        class Fact:
            ward: Ward

        @step
        def place(message: Message, *, ward: Ward) -> Message:
            return message
    """
    more = "steps: [place: {ward: {name: A1, size: lage}}]\n"
    (found,) = site_of(tmp_path, {"extensions/w.py": code, "channels/a.yaml": small("a", 1, more)}).findings
    assert (found.where, found.hint) == ("channels/a.yaml:3", "did you mean large?")


def digest(folder: Path, **changes: str) -> str:
    files = {
        "channels/a.yaml": small(
            "a", 1, "steps: [shout, {look_up: {table: maps/w.csv, key: PV1-3.1, set: {w.n: n}}}]\n"
        ),
        "extensions/own.py": OWN,
        "maps/w.csv": "key,n\nA,B\n",
        "maps/other.csv": "key,n\n",
    }
    files |= {
        name.replace("__", "/").replace("_csv", ".csv").replace("_py", ".py"): text for name, text in changes.items()
    }
    site = site_of(folder, files)
    assert [each.code for each in site.findings if each.code != "HIE310"] == []
    return site.channels[0].digest


def test_a_digest_is_of_all_that_the_channel_was_bound_from(tmp_path: Path) -> None:
    first = digest(tmp_path)
    assert first == digest(tmp_path)
    assert first == digest(tmp_path, maps__other_csv="key,n\nA,B\n")
    assert first != digest(tmp_path, maps__w_csv="key,n\nA,CC\n")
    assert first != digest(tmp_path, extensions__own_py=OWN + "    # more\n")


SOUND = {
    "an attribute of the inbound end": "when: {wire.peer: x}",
    "a fact of the message": "when: {message.format: hl7v2}",
    "an attribute that an option names": "steps: [set: {ward.name: x}, keep: {ward.name: x}]",
    "an attribute that a step declares": "steps: [stamp, keep: {stamp.code: x}]",
    "an attribute that an own step may set": "steps: [shout, keep: {anything.at_all: x}]",
    "a text that an edit changed": "steps: [keep: {PV1-2: I}, set: {PV1-2: O}, keep: {PV1-2: O}]",
    "a text that an own step may have changed": "steps: [keep: {PV1-2: I}, shout, keep: {PV1-2: O}]",
    "one of several segments": "steps: [keep: {'OBX[*]-3.1': A}, keep: {'OBX[*]-3.1': B}]",
    "a narrower condition": "steps: [keep: {MSH-9.2: [A01, A02]}, keep: {MSH-9.2: A02}, drop: {MSH-9.2: A01}]",
    "a drop of two lines": "steps: [keep: {MSH-9.1: ADT}, drop: {MSH-9.1: ADT, MSH-9.2: A08}]",
    "a pattern": "steps: [keep: {MSH-9.2: {like: 'A0*', not: A08}}, keep: {MSH-9.2: A03}]",
    "braces in a template": "steps: [set: {PID-5.1: '{{{PID-3.1}}}'}]",
    "several tests of one path": "when: {PID-3.1: {exists: true, not: X}}",
}


@pytest.mark.parametrize("route", SOUND.values(), ids=SOUND.keys())
def test_what_is_sound_is_not_found(route: str, tmp_path: Path) -> None:
    text = small("a", 1).replace("{route: a,", f"{{route: a, {route},")
    files = {"channels/a.yaml": text, "extensions/own.py": OWN}
    assert [str(each) for each in site_of(tmp_path, files).findings] == []


CONTRADICTORY = [
    "steps: [keep: {MSH-9.1: ADT}, keep: {MSH-9.1: ORU}]",
    "steps: [keep: {MSH-9.2: [A01, A02]}, drop: {MSH-9.2: [A01, A02, A03]}]",
    "steps: [drop: {PID-3.1: {exists: true}}, keep: {PID-3.1: X}]",
    "steps: [keep: {MSH-9.2: {like: 'A*'}}, keep: {MSH-9.2: R01}]",
    "steps: [keep: {PV1-2: I}, set: {PID-4: x}, keep: {PV1-2: O}]",
    "steps: [keep: {PV1-2: I}, validate, keep: {PV1-2: O}]",
    "when: {PV1-2: {like: 'I*', not: I}}, steps: [keep: {PV1-2: I}]",
]


@pytest.mark.parametrize("route", CONTRADICTORY)
def test_what_nothing_passes_is_found(route: str, tmp_path: Path) -> None:
    text = small("a", 1).replace("{route: a,", f"{{route: a, {route},")
    assert [each.code for each in site_of(tmp_path, {"channels/a.yaml": text}).findings] == ["HIE306"]


@pytest.mark.parametrize(
    ("listen", "tls", "found"),
    [("127.0.0.1:1", "", 0), ("'[::1]:1'", "", 0), ("0.0.0.0:1", "", 1), ("0.0.0.0:1", ", tls: none", 0)],
)
def test_tls_is_asked_for_beyond_this_machine(listen: str, tls: str, found: int, tmp_path: Path) -> None:
    text = f"channel: a\ninbound: {{wire: {{listen: {listen}{tls}}}}}\n{OUT}"
    findings = site_of(tmp_path, {"channels/a.yaml": text}).findings
    assert [(each.code, each.severity) for each in findings] == [("HIE402", Severity.WARNING)] * found


def test_a_secret_from_outside_is_no_finding_and_shows_nowhere(tmp_path: Path) -> None:
    text = small("a", 1).replace("127.0.0.1:1'", "127.0.0.1:1', token: '${TOKEN}'")
    site = site_of(tmp_path, {"channels/a.yaml": text}, {"TOKEN": "swordfish"})
    assert site.findings == ()
    assert site.channels[0].inbound.options["token"].get_secret_value() == "swordfish"
    assert "swordfish" not in repr(site)


def test_lint_of_nothing_is_a_warning(tmp_path: Path) -> None:
    site = site_of(tmp_path, {})
    assert [each.code for each in lint([], site.settings, None, tmp_path)] == ["HIE312"]


NASTY = ["x" * 5000, "a\\0b", "../../../etc/shadow/x", "/proc/self/mem", "~/x", "x\\nb.pem", "a/" * 500]


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_no_name_of_a_file_makes_the_reader_raise(name: str, tmp_path: Path) -> None:
    text = f"""
channel: a
inbound: {{folder: {{folder: "{name}"}}}}
steps:
  - look_up: {{table: "{name}", key: PID-3, set: {{a.b: c}}}}
  - validate: {{profile: "{name}"}}
routes:
  - {{route: a, outbound: {{wire: {{connect: "127.0.0.1:1", tls: {{certificate: "{name}"}}}}}}}}
  - {{route: b, outbound: {{folder: {{folder: "{name}"}}}}}}
"""
    assert site_of(tmp_path, {"channels/a.yaml": text}).has_errors


def test_folders_and_pipes_where_files_should_be(tmp_path: Path) -> None:
    for name in ("channels/b.yaml", "extensions/own.py", "maps/m.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.mkfifo(tmp_path / name)
    write_site(tmp_path, {"channels/c.yaml/x": "", "extensions/e.py/x": "", "hie.yaml/x": "", "maps/deep/x.csv": ""})
    found = site_of(tmp_path, {"channels/a.yaml": small("a", 1)}).findings
    assert [each.where for each in found if each.code == "HIE101"] == [
        "channels/b.yaml",
        "channels/c.yaml",
        "extensions/e.py",
        "extensions/own.py",
        "hie.yaml",
    ]


def test_a_type_of_the_sites_own_that_raises_is_found(tmp_path: Path) -> None:
    code = """
        from typing import Annotated
        from pydantic import BeforeValidator
        from transforms import step

        def parse(text):
            raise KeyError(text)

        @step
        def own(message, *, ward: Annotated[str, BeforeValidator(parse)]):
            return message
    """
    files = {"extensions/own.py": code, "channels/a.yaml": small("a", 1, "steps: [own: {ward: W1}]\n")}
    assert [(each.code, each.where) for each in site_of(tmp_path, files).findings] == [("HIE206", "channels/a.yaml:3")]


@pytest.mark.parametrize(("connect", "found"), [("lab", 1), ("lab:99999", 1), ("127.0.0.1:1", 0), ("'{wire.peer}'", 0)])
def test_an_address_is_an_address_unless_the_message_names_it(connect: str, found: int, tmp_path: Path) -> None:
    text = small("a", 1).replace("{folder: {folder: out}}", f"{{wire: {{connect: {connect}, tls: none}}}}")
    assert [each.code for each in site_of(tmp_path, {"channels/a.yaml": text}).findings] == ["HIE206"] * found


def test_settings_of_comments_alone_are_defaults(tmp_path: Path) -> None:
    assert site_of(tmp_path, {"hie.yaml": "# journal: x\n\n", "channels/a.yaml": small("a", 1)}).findings == ()


def test_a_site_may_be_read_with_the_engines_own_ends(tmp_path: Path) -> None:
    text = "channel: a\ninbound: {file: {folder: in}}\nroutes: [{route: a, outbound: {file: {folder: out}}}]\n"
    site = load_site(write_site(tmp_path, {"channels/a.yaml": text}), {})
    assert site.findings == ()
    assert site.channels[0].inbound.options == {"folder": tmp_path / "in"}
    assert set(ALL_STEPS) > set(site.steps)
