"""The narrative: all of it, in XHTML that is well-formed and runs nothing."""

from __future__ import annotations

import pytest
from lxml import etree

from tests.transforms.ccda_to_fhir.conversion import codes, convert_body, convert_entries, only, section

IMAGE = """<observationMedia classCode="OBS" moodCode="EVN" ID="m1"><value xsi:type="ED" mediaType="image/png"
representation="B64">iVBORw0KGgo=</value></observationMedia>"""


def shown(text: str, *entries: str) -> str:
    """The XHTML of a section with that text, without its div."""
    (part,) = only(convert_body(section("1", *entries, text=text)), "Composition")["section"]
    div: str = part["text"]["div"]
    etree.fromstring(div)
    return div.removeprefix('<div xmlns="http://www.w3.org/1999/xhtml">').removesuffix("</div>")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a &lt; b &amp; c", "a &lt; b &amp; c"),
        (
            '<content ID="x" styleCode="Bold xRow">b</content>',
            '<span id="x" class="Bold xRow" style="font-weight: bold">b</span>',
        ),
        ("<paragraph>p<br/>q</paragraph>", "<p>p<br/>q</p>"),
        ("<paragraph>p<list><item>i</item></list></paragraph>", "<div>p<ul><li>i</li></ul></div>"),
        (
            '<list listType="ordered"><caption>c</caption><item>i</item></list>',
            '<ol><li class="caption">c</li><li>i</li></ol>',
        ),
        (
            '<table border="1"><caption>c</caption><thead><tr><th colspan="2">h</th></tr></thead></table>',
            '<table border="1"><caption>c</caption><thead><tr><th colspan="2">h</th></tr></thead></table>',
        ),
        ('<linkHtml href="https://a.example/?b&amp;c">l</linkHtml>', '<a href="https://a.example/?b&amp;c">l</a>'),
        ('<linkHtml href="javascript:alert(1)">l</linkHtml>', "<span>l</span>"),
        (
            '<footnote ID="f">n</footnote><footnoteRef IDREF="f"/>',
            '<span id="f" class="footnote">n</span><a class="footnoteRef" href="#f">*</a>',
        ),
        ("<sub>1</sub><sup>2</sup>", "<sub>1</sub><sup>2</sup>"),
        ('<script onload="x()">s</script>', "<span>s</span>"),
        ('<content ID="x">a</content><content ID="x">b</content>', '<span id="x">a</span><span>b</span>'),
    ],
)
def test_what_becomes_of_each_element(text: str, expected: str) -> None:
    assert shown(text) == expected


def test_a_picture_is_shown_in_its_place() -> None:
    text = 'see <renderMultiMedia referencedObject="m1"><caption>scan</caption></renderMultiMedia>'
    assert '<img src="data:image/png;base64,iVBORw0KGgo=" alt="scan"/>' in shown(text, IMAGE)
    assert "[m2]" in shown('<renderMultiMedia referencedObject="m2"/>')


TABLE = """<table><thead><tr><th>Test</th><th>Value</th></tr></thead><tbody><tr ID="r1"><td>Height</td>
<td ID="c1"><content ID="v1">170 cm</content></td></tr></tbody></table><paragraph ID="p1">plain</paragraph>"""
ENTRY = """<observation classCode="OBS" moodCode="EVN"><id root="1.2.3" extension="o1"/><code code="8302-2"/>
<text><reference value="{}"/></text><statusCode code="completed"/></observation>"""


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("#r1", "<thead><tr><th>Test</th><th>Value</th></tr></thead><tbody><tr id="),
        ("#c1", "<thead><tr><th>Value</th></tr></thead><tbody><tr><td><span"),
        ("#v1", "<thead><tr><th>Value</th></tr></thead><tbody><tr><td><span"),
        ("v1", "170 cm"),
        ("#p1", ">plain<"),
    ],
)
def test_the_text_of_an_entry_is_what_it_refers_to_below_its_headings(reference: str, expected: str) -> None:
    resource = only(convert_entries("1", ENTRY.format(reference), text=TABLE), "Observation")
    assert expected in resource["text"]["div"]


def test_a_reference_that_leads_nowhere_is_told() -> None:
    found = convert_entries("1", ENTRY.format("#nowhere"), text=TABLE)
    assert "text" not in only(found, "Observation")
    assert "CCDA-131" in codes(found)


def test_the_reference_leads_into_the_same_section_first() -> None:
    body = section("1", ENTRY.format("#x"), text='<content ID="x">one</content>') + ""
    other = section("2", ENTRY.format("#x").replace("o1", "o2"), text='<content ID="x">two</content>')
    whole = body.replace("</structuredBody>", "") + other.replace("<structuredBody>", "")
    found = convert_body(whole)
    texts = [entry["resource"]["text"]["div"] for entry in found.bundle["entry"] if entry["resource"].get("text")]
    assert ["one" in texts[0], "two" in texts[1]] == [True, True]
