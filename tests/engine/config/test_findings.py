"""Every number is triggered here, at the line where the mistake is, with a hint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.config.numbers import RULES
from tests.engine.config.fakes import site_of

ROOT = Path(__file__).parents[3]
HEAD = "channel: adt\ninbound: {wire: {listen: '127.0.0.1:2575'}}\n"
OUT = "routes: [{route: a, outbound: {folder: {folder: out}}}]\n"


@dataclass(frozen=True)
class Case:
    """A site with one mistake: `where` it is found, and what the finding's text must hold."""

    code: str
    where: str
    says: str
    files: Mapping[str, str | bytes]
    env: Mapping[str, str] = field(default_factory=dict)


def channel(code: str, line: int, says: str, text: str | bytes, /, **env: str) -> Case:
    """A mistake in a channel file."""
    return Case(code, f"channels/adt.yaml:{line}", says, {"channels/adt.yaml": text}, env)


def line(code: str, says: str, text: str, /, at: int = 3, **files: str) -> Case:
    """A mistake in what follows the head of a channel file; `at` is its line."""
    more = {name.replace("__", "/").replace("_py", ".py"): content for name, content in files.items()}
    return Case(code, f"channels/adt.yaml:{at}", says, {"channels/adt.yaml": HEAD + text, **more})


def site(code: str, where: str, says: str, files: Mapping[str, str | bytes]) -> Case:
    """A mistake that is not in the one channel file."""
    return Case(code, where, says, {"channels/adt.yaml": HEAD + OUT, **files})


def wire(options: str) -> str:
    return f"channel: adt\ninbound:\n  wire:\n    listen: 127.0.0.1:2575\n    {options}\n{OUT}"


def route(text: str) -> str:
    return f"routes:\n  - route: a\n    outbound: {{folder: {{folder: out}}}}\n    {text}\n"


def mail_in(through: str, name: str = "b") -> str:
    return f"channel: {name}\ninbound: {{direct: {{recipients: [direct.example], {through}}}}}\n{OUT}"


def mail_out(options: str, relay: str = "{connect: '127.0.0.1:25', security: none}") -> str:
    return f"routes: [{{route: a, outbound: {{direct: {{to: b@y.example, relay: {relay}, {options}}}}}}}]\n"


def subscribing(end: str, more: str = "base: /fhir") -> str:
    """A channel at which clients subscribe, and a route that ends in `end`."""
    options = f"    subscriptions: true\n    listen: 127.0.0.1:8443\n    {more}\n"
    return f"channel: adt\ninbound:\n  fhir:\n{options}routes: [{{route: a, outbound: {end}}}]\n"


MATCH = HEAD + "steps: [match_panel]\n"
REVIEW = "  - {route: doubtful, when: {match.verdict: review}, outbound: {folder: {folder: out}}}\n"


def to(address: str) -> str:
    """A route for those who want it by `direct`."""
    when = "{subscriber.delivery: direct}"
    return f"routes:\n  - {{route: a, when: {when}, outbound: {{folder: {{folder: out, name: '{address}'}}}}}}\n"


def registered(code: str, where: str, says: str, subscriber: str, routes: str = to("out") + REVIEW) -> Case:
    """A mistake between a channel with match_panel and the registry's files."""
    files = {"channels/adt.yaml": MATCH + routes, "registry/subscribers.yaml": subscriber}
    return Case(code, where, says, {**files, "panels/riverside.csv": "member\n1\n"})


ADDRESS = "{subscriber.address}"
LAB = """\
channel: lab
inbound: {wire: {listen: '127.0.0.1:2'}}
steps: [map_codes: {path: 'OBX[*]-3', map: maps/loinc.csv, unmapped: hold},
  find_recipient]
"""
HELD = "  - {route: codes, when: {codes.unmapped: {exists: true}}, outbound: {folder: {folder: held}}}\n"
UNKNOWN = "  - {route: unknown, when: {recipient.verdict: unknown}, outbound: {folder: {folder: unknown}}}\n"
MAPS = {"maps/loinc.csv": "code,system,to_code,to_display,to_system\n"}
LABS = {**MAPS, "channels/lab.yaml": LAB + to(ADDRESS) + HELD + UNKNOWN}
TOLD = LAB.replace("find_recipient]", "find_recipient, tell_result]")
RESULTS = "eastmere: {npi: '1234567893', events: [result], delivery: direct}\n"
SUBSCRIBERS = "registry/subscribers.yaml"
REFER = "channel: refer\ninbound: {wire: {listen: '127.0.0.1:3'}}\nsteps: [track_referral]\nroutes:\n"
BY_FORM = "  - {route: ref, when: {referral.to.form: ref}, outbound: {folder: {folder: ref}}}\n"
REFUSED = "  - {route: odd, when: {referral.verdict: refused}, outbound: {folder: {folder: odd}}}\n"
CASES = [
    registered("HIE205", f"{SUBSCRIBERS}:1", "delivery", "riverside: {title: R}\n"),
    registered("HIE317", SUBSCRIBERS, "panels/hill.csv", "riverside: {delivery: direct, panel: hill}\n"),
    registered("HIE318", "channels/adt.yaml:3", "review", "riverside: {delivery: direct}\n", to("out")),
    site(
        "HIE318",
        "channels/lab.yaml:4",
        "recipient.verdict: unknown",
        {**MAPS, "channels/lab.yaml": LAB + to("out") + HELD},
    ),
    site("HIE318", "channels/lab.yaml:3", "codes.unmapped", {**MAPS, "channels/lab.yaml": LAB + to("out") + UNKNOWN}),
    site("HIE318", "channels/refer.yaml:3", "referral.verdict: refused", {"channels/refer.yaml": REFER + BY_FORM}),
    site(
        "HIE323",
        "channels/lab.yaml:6",
        "a: a retry",
        {**LABS, "channels/lab.yaml": TOLD + to(ADDRESS) + HELD + UNKNOWN},
    ),
    site("HIE319", SUBSCRIBERS, "delivery: mllp", {**LABS, SUBSCRIBERS: RESULTS.replace("direct", "mllp")}),
    site("HIE320", SUBSCRIBERS, "route a", {**LABS, SUBSCRIBERS: RESULTS}),
    registered("HIE319", SUBSCRIBERS, "delivery: dircet", "riverside: {delivery: dircet}\n"),
    registered(
        "HIE319",
        SUBSCRIBERS,
        "delivery: direct, format: cda",
        "riverside: {delivery: direct, format: cda}\n",
        to("out").replace("direct}", "direct, subscriber.format: ccda}") + REVIEW,
    ),
    registered("HIE320", SUBSCRIBERS, "route a", "riverside: {delivery: direct}\n", to(ADDRESS) + REVIEW),
    site(
        "HIE324",
        "registry/optouts/riversid.hl7",
        "no subscriber riversid",
        {"registry/optouts/riversid.hl7": "BHS|^~\\&\rBTS|0\r"},
    ),
    site(
        "HIE325",
        f"{SUBSCRIBERS}:1",
        "riverside: its times",
        {SUBSCRIBERS: "riverside: {delivery: direct, digest: 07:00}\n", "panels/riverside.csv": "member\n1\n"},
    ),
    site("HIE206", f"{SUBSCRIBERS}:1", "zone", {SUBSCRIBERS: "a: {delivery: direct, digest: 07:00, zone: Here}\n"}),
    site("HIE206", f"{SUBSCRIBERS}:1", "check digit", {SUBSCRIBERS: "a: {delivery: direct, npi: 1234567890}\n"}),
    site("HIE316", "registry/providers.csv:2", "check digit", {"registry/providers.csv": "npi,name\n1234567890,A\n"}),
    site(
        "HIE316",
        "registry/providers.json",
        "Bundle.entry[0].resource.name",
        {"registry/providers.json": '{"entry": [{"resource": {"resourceType": "Practitioner", "name": "Hale"}}]}'},
    ),
    site("HIE316", "panels/a.hl7:1", "no ADT", {"panels/a.hl7": "MSH|^~\\&|||||||ORU^R01|1|P|2.5.1\r"}),
    site("HIE316", "panels/a.json", "no Group", {"panels/a.json": '{"resourceType": "Bundle", "entry": []}'}),
    channel("HIE321", 4, "without a name", subscribing("{subscription: {}}")),
    Case(
        "HIE322",
        "channels/adt.yaml:4",
        "no route",
        {
            "channels/adt.yaml": subscribing("{folder: {folder: out}}", "access: {clients: c.yaml}"),
            "c.yaml": "clients: []\n",
        },
    ),
    site("HIE316", "panels/riverside.csv:3", "earlier line", {"panels/riverside.csv": "member\n1\n1\n"}),
    site("HIE316", "registry/optouts.csv:1", "'surname'", {"registry/optouts.csv": "member,surname\n"}),
    Case("HIE101", "channels/adt.yaml", "no regular file", {"channels/adt.yaml/x": ""}),
    channel("HIE102", 1, "1 MB", b"#" * ((1 << 20) + 1)),
    channel("HIE103", 2, "0xfc", "channel: adt\ndescription: Zürich\n".encode("latin-1")),
    channel("HIE103", 1, "UTF-16", "channel: adt".encode("utf-16")),
    channel("HIE103", 2, "U+0007", "a: b\nc: \x07"),
    channel("HIE104", 3, "mapping values", "channel: adt\ninbound:\n  a: b: c\n"),
    channel("HIE105", 3, "tab", "channel: adt\ninbound:\n\twire: x\n"),
    channel("HIE106", 3, "line 1", "channel: adt\ninbound: sink\nchannel: b\n"),
    channel("HIE107", 2, "second document", "channel: adt\n---\nchannel: b\n"),
    channel("HIE108", 1, "empty", "# nothing\n"),
    channel("HIE108", 1, "no", "- channel: adt\n"),
    channel("HIE109", 2, "*out", "channel: adt\ninbound: *out\n"),
    channel("HIE110", 1, "40", "a: " + "[" * 50 + "]" * 50),
    channel("HIE111", 2, "tag", "channel: adt\nrepeats: !!int 5\n"),
    channel("HIE111", 2, "<<", "channel: adt\n<<: {a: b}\n"),
    channel("HIE112", 2, "plain text", "channel: adt\ndescription: {[PID-3.1]: x}\n"),
    line("HIE113", "without its }", "description: ${NAME\n" + OUT),
    line("HIE113", "names no", "description: ${9NAME}\n" + OUT),
    line("HIE114", "LAB_PORT", "description: ${LAB_PORT}\n" + OUT),
    line("HIE115", "secrets/x", "description: ${file:secrets/x}\n" + OUT),
    line("HIE201", "'step'", "step: [stamp]\n" + OUT),
    line("HIE202", "'wires'", "routes: [{route: a, outbound: {wires: {connect: x}}}]\n"),
    line("HIE203", "'kepe'", "steps: [kepe: {MSH-9.1: ADT}]\n" + OUT),
    line("HIE204", "'cod'", "steps: [stamp: {cod: x}]\n" + OUT),
    channel("HIE204", 5, "'frm'", wire("frm: x")),
    line("HIE205", "'outbound'", "routes: [{route: a}]\n"),
    line("HIE205", "connect is missing", "routes: [{route: a, outbound: wire}]\n"),
    line("HIE205", "takes a value", "steps: [keep]\n" + OUT),
    channel("HIE206", 5, "duration", wire("idle: 5")),
    channel("HIE206", 5, "integer", wire("parallel: many")),
    channel("HIE206", 5, "greater", wire("parallel: 0")),
    channel("HIE206", 5, "'original'", wire("mode: orignal")),
    line("HIE206", "repeats", "repeats: often\n" + OUT),
    line("HIE206", "enabled", "enabled: perhaps\n" + OUT),
    line("HIE206", "parallel", route("parallel: -1"), at=6),
    line("HIE206", "first", route("retry: {first: soon}"), at=6),
    channel("HIE207", 2, "no inbound end", "channel: adt\ninbound: {sink: {folder: x}}\n" + OUT),
    channel("HIE208", 1, "'ADT feed'", "channel: ADT feed\ninbound: {wire: {listen: '127.0.0.1:1'}}\n" + OUT),
    line("HIE209", "unknown test", route("when: {MSH-9.1: {lik: A*}}"), at=6),
    line("HIE209", "mapping", route("when: always"), at=6),
    line("HIE209", "exists", "steps: [keep: {MSH-9.1: {exists: maybe}}]\n" + OUT),
    line("HIE210", "PID.3", "steps: [keep: {PID.3: x}]\n" + OUT),
    line("HIE210", "pid-3", route("in_order: pid-3"), at=6),
    line("HIE210", "PID.3", 'steps: [set: {PID.3: "x"}]\n' + OUT),
    line("HIE210", "no element 'gendre'", route("when: {Patient.gendre: male}"), at=6),
    line("HIE210", "Patiant", "steps: [keep: {Patiant.gender: male}]\n" + OUT),
    line("HIE210", "[*]", 'steps: [set: {ward.name: "{Patient.name[*].family}"}]\n' + OUT),
    line("HIE210", "PID3", 'steps: [set: {PID-3.1: "{PID3}"}]\n' + OUT),
    site("HIE210", "hie.yaml:1", "OBR.3", {"hie.yaml": "search: {accession: OBR.3}\n"}),
    line("HIE211", "other half", 'steps: [set: {PID-3.1: "{PID-3.2"}]\n' + OUT),
    line("HIE212", "one end", "routes: [{route: a, outbound: {folder: '', name: x}}]\n"),
    line("HIE212", "one step", "steps: [{stamp: '', keep: {MSH-9.1: ADT}}]\n" + OUT),
    site("HIE213", "extensions/own.py:2", "ZeroDivisionError", {"extensions/own.py": "x = 0\n1 / x\n"}),
    site("HIE213", "extensions/own.py:1", "SyntaxError", {"extensions/own.py": "def (\n"}),
    site(
        "HIE214",
        "extensions/own.py:2",
        "'keep'",
        {"extensions/own.py": "from transforms import step\n@step\ndef keep(message): return message\n"},
    ),
    site(
        "HIE215",
        "extensions/own.py:2",
        "either one value or keyword-only",
        {"extensions/own.py": "from transforms import step\n@step\ndef own(message, a, b): return message\n"},
    ),
    site("HIE301", "channels/b.yaml:1", "channels/adt.yaml:1", {"channels/b.yaml": HEAD.replace("2575", "1") + OUT}),
    line("HIE302", "line 3", OUT.replace("]\n", ", {route: a, outbound: {folder: {folder: x}}}]\n")),
    Case("HIE303", "channels/adt.yaml:1", "no routes", {"channels/adt.yaml": HEAD}),
    site(
        "HIE304",
        "channels/b.yaml:2",
        "channels/adt.yaml:2",
        {"channels/b.yaml": "channel: b\ninbound: {wire: {listen: '0.0.0.0:2575', tls: none}}\n" + OUT},
    ),
    channel(
        "HIE304",
        2,
        "health",
        "channel: adt\ninbound: {wire: {listen: 'localhost:8075'}}\n".replace("localhost", "127.0.0.1") + OUT,
    ),
    line("HIE305", "subscriber.id", route("when: {subscriber.id: x}"), at=6),
    line("HIE305", "message.ide", 'steps: [set: {PID-3.1: "{message.ide}"}]\n' + OUT),
    line("HIE305", "wire.per", route("in_order: wire.per"), at=6),
    line("HIE306", "lines 3 and 7", "steps: [keep: {MSH-9.1: ADT}]\n" + route("when: {MSH-9.1: ORU}"), at=7),
    line("HIE307", "parallel: 3", route("in_order: true\n    parallel: 3"), at=7),
    line("HIE308", "longer than the longest", route("retry: {first: 1h, most: 1m}"), at=6),
    line("HIE308", "gives up", route("retry: {first: 1m, give_up_after: 30s}"), at=6),
    line("HIE309", "maps/a.csv", "steps: [map_codes: {path: OBX-3, map: maps/a.csv}]\n" + OUT),
    channel("HIE309", 5, "tls/a.pem", wire("tls: {certificate: tls/a.pem}")),
    site("HIE310", "maps/unused.csv", "no channel", {"maps/unused.csv": "a,b\n"}),
    site("HIE311", "hie.yaml:2", "'atd'", {"hie.yaml": "retention:\n  channels: {atd: 90d}\n"}),
    Case("HIE312", "channels", "no channel file", {"hie.yaml": "journal: sqlite:///x.db\n"}),
    Case(
        "HIE313",
        "channels/b.yaml:2",
        "channels/a.yaml:2",
        {f"channels/{name}.yaml": f"channel: {name}\ninbound: {{folder: {{folder: in}}}}\n" + OUT for name in "ab"},
    ),
    channel("HIE314", 5, "'oot'", wire("answer: oot")),
    channel("HIE401", 5, "token", wire("token: swordfish")),
    channel("HIE401", 5, "token", wire("token: ${TOKEN:-swordfish}")),
    channel(
        "HIE401", 2, "URL", 'channel: adt\ninbound: {wire: {listen: "127.0.0.1:1", from: "http://a:b@c/"}}\n' + OUT
    ),
    line(
        "HIE401",
        "Authorization",
        "routes: [{route: a, outbound: {wire: {connect: '127.0.0.1:1', headers: {Authorization: abc}}}}]\n",
    ),
    site("HIE401", "hie.yaml:1", "password", {"hie.yaml": "journal: postgresql://hie:swordfish@db/hie\n"}),
    site("HIE401", "hie.yaml:1", "password", {"hie.yaml": "journal: postgresql://hie:${PW:-swordfish}@db/hie\n"}),
    site("HIE401", "hie.yaml:1", "password", {"hie.yaml": "journal: ${DB:-postgresql://hie:swordfish@db/hie}\n"}),
    line("HIE315", "for a@x.example", mail_out("from: a@x.example")),
    site(
        "HIE304",
        "channels/b.yaml:2",
        "channels/adt.yaml:2",
        {"channels/b.yaml": mail_in("through: {listen: '0.0.0.0:2575'}")},
    ),
    channel("HIE402", 2, "0.0.0.0:25 without TLS", mail_in("through: {listen: '0.0.0.0:25'}", name="adt")),
    line("HIE402", "beyond", mail_out("from: a@x.example", relay="{connect: 'mail.example:25', security: none}")),
    channel("HIE402", 2, "0.0.0.0:2575", "channel: adt\ninbound: {wire: {listen: '0.0.0.0:2575'}}\n" + OUT),
    line("HIE402", "beyond", "routes: [{route: a, outbound: {wire: {connect: 'lab.example:2575'}}}]\n"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.says[:20]}")
def test_mistake_is_found_at_its_line_with_a_hint(case: Case, tmp_path: Path) -> None:
    found = site_of(tmp_path, case.files, case.env).findings
    fitting = [each for each in found if each.code == case.code and each.where == case.where]
    assert fitting, [str(each) for each in found]
    assert case.says in fitting[0].what
    assert fitting[0].hint or case.code == "HIE206"
    assert "swordfish" not in " ".join(map(str, found))


def test_every_number_is_triggered() -> None:
    assert {case.code for case in CASES} == set(RULES)


def test_every_number_in_the_code_has_a_rule() -> None:
    used = set()
    for path in (ROOT / "engine").rglob("*.py"):
        used |= set(re.findall(r"HIE[1-4]\d\d", path.read_text()))
    assert used == set(RULES)


def test_a_sound_site_has_no_findings(tmp_path: Path) -> None:
    assert site_of(tmp_path, {"channels/adt.yaml": HEAD + OUT}).findings == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (HEAD + "stps: [stamp]\n" + OUT, "did you mean steps?"),
        (HEAD + "steps: [kep: {MSH-9.1: ADT}]\n" + OUT, "did you mean keep?"),
        (HEAD + "steps: [map-codes: {path: OBX-3}]\n" + OUT, "did you mean map_codes?"),
        (wire("sender: X"), "did you mean senders?"),
        (wire("mode: Enhanced"), "did you mean enhanced?"),
        (wire("tls: {certificat: x, certificate: y}"), "did you mean certificate?"),
        ("channel: adt\ninbound: {wier: {listen: 'x:1'}}\n" + OUT, "did you mean wire?"),
        ("channel: adt\ninbound:\n  wire:\n  listen: 127.0.0.1:1\n" + OUT, "indent 'listen' and what follows"),
        (HEAD + "routes: [{route: a, outbound: {folder: {folder: x, name: {PID-3.1}}}}]\n", "needs quotes"),
        (
            HEAD + "steps: [set: {subscriber.delivery: x}]\n" + route("when: {subscriber.delivry: x}"),
            "subscriber.delivery?",
        ),
    ],
)
def test_a_near_miss_is_told_what_was_meant(text: str, hint: str, tmp_path: Path) -> None:
    found = site_of(tmp_path, {"channels/adt.yaml": text}).findings
    assert any(hint in each.hint for each in found), [str(each) for each in found]


def test_what_is_found_says_file_line_number_what_and_hint(tmp_path: Path) -> None:
    (found,) = site_of(tmp_path, {"channels/adt.yaml": HEAD + "stps: x\n" + OUT}).findings
    assert str(found) == "channels/adt.yaml:3: HIE201 a channel has no key 'stps' (did you mean steps?)"


def test_a_route_for_what_contradicts_a_referral_is_enough(tmp_path: Path) -> None:
    found = site_of(tmp_path, {"channels/refer.yaml": REFER + BY_FORM + REFUSED}).findings
    assert [each.code for each in found if each.code == "HIE318"] == []


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"channels/adt.yaml": HEAD + mail_out("from: a@direct.example, wait_for: nothing")}, id="no notice"
        ),
        pytest.param(
            {
                "channels/adt.yaml": HEAD + mail_out("from: A@direct.example"),
                "channels/b.yaml": mail_in("through: {listen: '127.0.0.1:2525'}"),
            },
            id="another channel takes them",
        ),
    ],
)
def test_notices_that_are_taken_or_not_waited_for_are_no_finding(files: Mapping[str, str], tmp_path: Path) -> None:
    assert site_of(tmp_path, files).findings == ()


@pytest.mark.parametrize(
    "routes",
    [
        to(ADDRESS) + REVIEW,
        "routes: [{route: a, outbound: {folder: {folder: out}}}]\n",
        "  - keep: {match.verdict: match}\n" + to("out"),
    ],
    ids=["a route each", "one for all", "doubtful matches are kept away"],
)
def test_a_registry_that_its_channel_serves_is_no_finding(routes: str, tmp_path: Path) -> None:
    files = {
        "channels/adt.yaml": HEAD + "steps:\n  - match_panel\n" + routes,
        "registry/subscribers.yaml": "riverside: {delivery: direct, address: a@riverside.example}\n",
        "panels/riverside.csv": "member\n1\n",
    }
    assert [str(each) for each in site_of(tmp_path, files).findings] == []


def test_a_subscriber_of_results_alone_needs_no_panel(tmp_path: Path) -> None:
    files = {**LABS, "registry/subscribers.yaml": RESULTS.replace("direct}", "direct, address: a@e.example}")}
    assert [str(each) for each in site_of(tmp_path, files).findings] == []


def test_results_in_order_are_no_finding(tmp_path: Path) -> None:
    ordered = to("out").replace("}}\n", "}, in_order: notice.key}\n")
    files = {**MAPS, "channels/lab.yaml": TOLD + ordered + HELD + UNKNOWN}
    assert [str(each) for each in site_of(tmp_path, files).findings] == []
