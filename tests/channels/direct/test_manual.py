"""The manual page has every option, finding and attribute that the code has, and no other."""

import re
from pathlib import Path

from channels.direct.agency import ReceivingAgentOptions
from channels.direct.inbound import DirectInbound
from channels.direct.keys import IdentityFiles
from channels.direct.options import ImapIn, SmtpIn
from channels.direct.outbound import DirectOutbound
from channels.direct.protection import PartnerProtection
from channels.direct.smtp.relay import RelayOptions
from channels.direct.trust.options import Anchors, Bundle, Revocation
from channels.direct.xdm import Code, Document, Entry, Submission, attributes_of
from engine.config.options import signature_of
from engine.steps import open_mail

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "ends" / "direct.md").read_text()
INBOUND, _, REST = PAGE.partition("## Direct out\n")
OUTBOUND = REST.partition("\n## ")[0]


def section(title: str, page: str) -> str:
    return page.partition(f"### {title}\n")[2].partition("\n### ")[0]


def table(head: str, page: str) -> str:
    """The table whose first cell is `head`."""
    return page.partition(f"| {head} | default |")[2].partition("\n\n")[0]


def names(text: str) -> set[str]:
    return {
        name for cell in re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", cell)
    }


def test_every_option_of_the_ends_with_its_default() -> None:
    for end, title, page in ((DirectInbound, "Options", INBOUND), (DirectOutbound, "Options out", OUTBOUND)):
        signature = signature_of(end)
        found = table("option", section(title, page))
        assert names(found) == {option.name for option in signature.options}, title
        for option in signature.options:
            if option.shown_default and option.name != "file":
                assert f"| `{option.name}` | `{option.shown_default}` |" in found, option.name


def test_every_option_within_them() -> None:
    for head, model in (("`through`, SMTP", SmtpIn), ("`through`, IMAP", ImapIn), ("`relay`", RelayOptions)):
        assert names(table(head, PAGE)) == set(model.model_fields), head
    for model, default in ((SmtpIn, 100), (RelayOptions, 4)):
        assert model.model_fields["connections"].default == default
        assert f"| `connections` | `{default}` |" in PAGE


def test_every_option_of_the_agent() -> None:
    agent = PAGE.partition("\n## The agent\n")[2].partition("\n## ")[0]
    said = set(re.findall(r"(\w+):", agent)) | set(re.findall(r"`(\w+)", agent))
    models = (ReceivingAgentOptions, IdentityFiles, Anchors, Bundle, Revocation, PartnerProtection)
    assert {name for model in models for name in model.model_fields} - said == set()


def test_every_finding() -> None:
    code = "".join(file.read_text() for file in (ROOT / "channels" / "direct").rglob("*.py"))
    assert names(PAGE.partition("## Findings\n")[2]) == set(re.findall(r'"((?:DIR|XDM)-\d+)"', code))


def test_every_attribute() -> None:
    attributes = section("Attributes", INBOUND)
    said = set(re.findall(r"`(direct\.\w+)`", f"{DirectInbound.__doc__} {open_mail.__doc__}"))
    assert {name for name in names(attributes) if name.startswith("direct.")} == said
    full = dict.fromkeys(Entry.__dataclass_fields__, "x")
    codes = dict.fromkeys(("class_code", "type_code", "format_code"), Code("x"))
    entry = Entry(**{**full, **codes, "confidentiality": (Code("x"),), "reference_ids": ("x",), "authors": ()})  # type: ignore[arg-type]
    document = Document(b"", entry, "x")
    submission = Submission((), "x", "x", "x", "x", content_type=Code("x"))
    assert {name for name in names(attributes) if name.startswith("xdm.")} == set(attributes_of(submission, document))
