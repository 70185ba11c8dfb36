"""The page of a document: what a person reads in it, and that a browser has nothing to act on."""

from __future__ import annotations

import re

import pytest

from schemas.ccda import Document
from schemas.ccda.html import page
from tests.corpus.ccda.inputs import corpus
from tests.schemas.ccda.documents import VALID, changed

ACTIVE = re.compile(r"<(?:script|iframe|object|embed|link|form|base|svg)\b|<[^>]*\son\w+\s*=", re.IGNORECASE)
REMOTE = re.compile(r"<[^>]*\s(?:src|background|poster)\s*=\s*\"(?!data:image/)", re.IGNORECASE)


def test_a_page_says_who_what_and_the_narrative() -> None:
    shown = page(Document.parse(VALID.encode()))
    for text in (
        "<h1>Summary</h1>",
        "Ann Vale",
        "1961-04-17",
        "female",
        "1 Elm, Ash, OH",
        "Elm",
        "Allergies",
        "Aspirin",
    ):
        assert text in shown
    assert '<li id="a1">Aspirin</li>' in shown
    assert "default-src &#x27;none&#x27;" in shown


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("Aspirin", "<script>alert(1)</script>", "alert(1)"),
        ("Aspirin", "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;"),
        ("Aspirin", '<linkHtml href="javascript:alert(1)">go</linkHtml>', "go"),
        ("Aspirin", '<linkHtml href="https://example.org/&quot; onclick=&quot;x">go</linkHtml>', "go"),
        ("Aspirin", '<content styleCode="x&quot; onload=&quot;y">go</content>', "go"),
        ("Aspirin", '<table width="1&quot; onload=&quot;y"><tbody><tr><td>go</td></tr></tbody></table>', "go"),
        ("<title>Summary</title>", "<title>&lt;/title&gt;&lt;script&gt;</title>", "&lt;script&gt;"),
        ("<family>Vale</family>", "<family>&lt;img src=x onerror=y&gt;</family>", "&lt;img"),
        ('<languageCode code="en-US"/>', '<languageCode code="&quot;&gt;&lt;script&gt;"/>', 'lang="en"'),
        ("<item ", '<item styleCode="Bold" ', "font-weight: bold"),
    ],
)
def test_nothing_of_a_document_is_active(old: str, new: str, kept: str) -> None:
    shown = page(changed(old, new))
    assert kept in shown
    assert ACTIVE.search(re.sub(r'"[^"]*"', '""', shown)) is None
    assert REMOTE.search(shown) is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('<text mediaType="application/pdf" representation="B64">JVBERg==</text>', 'download="document.pdf"'),
        ('<text mediaType="image/png" representation="B64">iVBORw==</text>', '<img src="data:image/png;base64,'),
        ('<text mediaType="text/html" representation="B64">PHNjcmlwdD4=</text>', "<pre>&lt;script&gt;</pre>"),
        ('<text mediaType="text/plain">A &amp; B</text>', "<pre>A &amp; B</pre>"),
        ('<text mediaType="application/pdf" representation="B64">!</text>', "damaged"),
        ('<text mediaType="application/x" representation="B64">AAAA</text>', "3 bytes of application/x"),
        ('<text><reference value="https://example.org/x.pdf"/></text>', "is elsewhere"),
    ],
)
def test_a_body_that_is_no_xml_is_shown_or_can_be_saved(text: str, shown: str) -> None:
    head = VALID.partition("<component>")[0]
    whole = f"{head}<component><nonXMLBody>{text}</nonXMLBody></component></ClinicalDocument>"
    made = page(Document.parse(whole.encode()))
    assert shown in made
    assert ACTIVE.search(made) is None


def test_every_document_of_the_corpus_gives_a_page() -> None:
    documents = corpus()[::6]
    for each in documents:
        made = page(Document.parse(each.body))
        assert made.startswith("<!DOCTYPE html>")
        assert ACTIVE.search(re.sub(r'"[^"]*"', '""', made)) is None, each.name
        assert REMOTE.search(made) is None, each.name
