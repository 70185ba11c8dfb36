import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.hl7v2 import Delimiters, Hl7Error
from schemas.hl7v2.charset import Charset
from schemas.hl7v2.delimiters import UNUSED
from schemas.hl7v2.escape import bad_escapes, escape, unescape

TRUNCATING = Delimiters(truncation="#")


@pytest.mark.parametrize(
    ("encoded", "plain"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", "a|b^c&d~e\\f"),
        (r"two\.br\lines", "two\nlines"),
        (r"\.sp2\x", "\n\nx"),
        (r"\.sp+3\x", "\n\n\nx"),
        (r"\.sk 4\x", "    x"),
        (r"a\.ce\b", "a\nb"),
        (r"\.in+5\\.ti-2\\.fi\text\.nf\ ", "text "),
        (r"\H\loud\N\ ", "loud "),
        (r"\X0D0A\ ", "\r\n "),
        (r"\X4D\\X61\\X78\ ", "Max "),
        (r"\XC3A9\ ", "é "),
        (r"\XC3\\XA9\ ", "é "),
        (r"\Zlocal\ ", r"\Zlocal\ "),
        (r"\Q\ ", r"\Q\ "),
        (r"\P\ ", r"\P\ "),
        (r"\XZZ\ ", r"\XZZ\ "),
        (r"\XABC\ ", r"\XABC\ "),
        (r"\XFF\ ", r"\XFF\ "),
        (r"C:\temp\f", r"C:\temp\f"),
        ("ends in \\", "ends in \\"),
        (r"a\b T\T\c", r"a\b T&c"),
        ("", ""),
    ],
)
def test_unescape(encoded: str, plain: str) -> None:
    assert unescape(encoded) == plain


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        ("a|b^c&d~e\\f", r"a\F\b\S\c\T\d\R\e\E\f"),
        ("two\nlines", r"two\.br\lines"),
        ("cr\r", r"cr\X0D\ ".rstrip()),
        ("\x0b\x1c", r"\X0B\\X1C\ ".rstrip()),
        ("tab\tstays, é too", "tab\tstays, é too"),
        ("#", "#"),
    ],
)
def test_escape(plain: str, encoded: str) -> None:
    assert escape(plain) == encoded


def test_the_truncation_character_counts_where_it_is_declared() -> None:
    assert escape("a#b", TRUNCATING) == r"a\P\b"
    assert unescape(r"a\P\b", TRUNCATING) == "a#b"


def test_other_delimiters() -> None:
    odd = Delimiters("$", "*", "!", "@", "%")
    assert escape("a$b*c!d@e%f|", odd) == "a@F@b@S@c@R@d@E@e@T@f|"
    assert unescape("a@F@b@S@c@R@d@E@e@T@f|", odd) == "a$b*c!d@e%f|"


def test_hexadecimal_is_read_in_the_character_set() -> None:
    assert unescape(r"\XE9\x", charset=Charset("iso8859-1")) == "éx"
    assert unescape(r"\X8140\x", charset=Charset("big5")) == r"\X8140\x"


def test_without_an_escape_character_a_delimiter_cannot_be_written() -> None:
    with pytest.raises(Hl7Error):
        escape("a|b", Delimiters(escape=UNUSED))
    assert escape("plain", Delimiters(escape=UNUSED)) == "plain"


PLAIN = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("|^~\\&#\r\n\x0b\x1cFSTREXHN.br"), max_size=40
)


@given(PLAIN, st.sampled_from([Delimiters(), TRUNCATING, Delimiters("*", "|", "^", "~", "\\")]))
def test_what_is_escaped_comes_back(plain: str, delimiters: Delimiters) -> None:
    encoded = escape(plain, delimiters)
    assert unescape(encoded, delimiters) == plain
    assert not {delimiters.field, delimiters.component, delimiters.repetition, "\r", "\n", "\x1c"} & set(encoded)
    assert bad_escapes(encoded, delimiters) == 0


@given(
    st.lists(st.sampled_from([r"\F\ ", r"\S\ ", r"\.br\ ", "text", r"\E\ ", r"\X0D\ "]).map(str.rstrip)).map("".join)
)
def test_canonical_text_comes_back_too(encoded: str) -> None:
    assert escape(unescape(encoded)) == encoded


@pytest.mark.parametrize(
    ("encoded", "count"),
    [(r"\F\ ", 0), (r"\Zxx\ ", 0), (r"\Q\ ", 2), ("\\", 1), (r"\XFF\ ", 1), (r"\H\ ok \N\ ", 0), (r"C:\temp", 1)],
)
def test_bad_escapes_are_counted(encoded: str, count: int) -> None:
    assert bad_escapes(encoded) == count
