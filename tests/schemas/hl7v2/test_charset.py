"""Character sets: what MSH-18 declares is what is read, and every byte stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.hl7v2 import Er7, Hl7Error
from schemas.hl7v2.charset import charset_named


def message(charset: str, name: bytes) -> bytes:
    head = f"MSH|^~\\&|A|B|C|D|20260101||ADT^A01|1|P|2.5.1||||||{charset}\rPID|1||7^^^X||".encode()
    return head + name + b"^Given\rPV1|1|I\r"


@pytest.mark.parametrize(
    ("charset", "codec", "name"),
    [
        ("UNICODE UTF-8", "utf-8", "Müller-Łukasz 太郎"),
        ("UNICODE", "utf-8", "Müller"),
        ("UTF-8", "utf-8", "Müller"),
        ("utf8", "utf-8", "Müller"),
        ("8859/1", "iso8859-1", "Müller"),
        ("8859/2", "iso8859-2", "Łukasz"),
        ("8859/3", "iso8859-3", "Ħal"),
        ("8859/4", "iso8859-4", "Ģirts"),
        ("8859/5", "iso8859-5", "Иванов"),
        ("8859/6", "iso8859-6", "محمد"),
        ("8859/7", "iso8859-7", "Γιώργος"),
        ("8859/8", "iso8859-8", "משה"),
        ("8859/9", "iso8859-9", "Şahin"),
        ("8859/15", "iso8859-15", "Œuvre €"),
        ("ISO-8859-1", "iso8859-1", "Müller"),
        ("ISO8859-15", "iso8859-15", "€"),
        ("windows-1252", "cp1252", "“Müller”"),
        ("GB 18030-2000", "gb18030", "张伟\u0531"),
        ("BIG-5", "big5", "許功蓋"),
        ("KS X 1001", "euc_kr", "김민수"),
        ("ISO IR14", "shift_jis", "ｱﾀﾞﾁ"),
        ("Shift_JIS", "shift_jis", "表ソ能"),
        ("ISO IR87", "iso2022_jp", "山田 太郎"),
        ("ASCII~ISO IR87", "iso2022_jp", "Yamada 山田"),
        ("~ISO IR87", "iso2022_jp", "Yamada 山田"),
        ("ISO IR6~ISO IR87~ISO IR159", "iso2022_jp_1", "丂丄"),
        ("8859/1~ISO IR87", "iso2022_jp", "山田"),
    ],
)
def test_a_declared_character_set_is_read_and_written(charset: str, codec: str, name: str) -> None:
    body = message(charset, name.encode(codec))
    parsed = Er7.parse(body)
    assert parsed.get("PID-5.1") == name
    assert parsed.get("PID-5.2") == "Given"
    assert parsed.get("PV1-2") == "I"
    assert parsed.encode() == body
    assert not parsed.findings
    parsed.set("PID-5.2", name)
    assert parsed.encode() == body.replace(b"^Given", b"^" + name.encode(codec))
    assert Er7.parse(parsed.encode()).get("PID-5.2") == name


def test_a_delimiter_byte_inside_a_multi_byte_character_separates_nothing() -> None:
    name = "功許能"
    body = message("BIG-5", name.encode("big5"))
    assert b"\\" in name.encode("big5")
    assert Er7.parse(body).get("PID-5") == f"{name}^Given"


def test_iso_2022_text_keeps_delimiter_bytes_to_itself() -> None:
    name = "万五京侃倍"
    wire = name.encode("iso2022_jp")
    assert all(delimiter in wire for delimiter in (b"|", b"^", b"~", b"&", b"\\"))
    parsed = Er7.parse(message("~ISO IR87", wire))
    assert parsed.get("PID-5.1") == name
    assert parsed.get("PID-5.2") == "Given"


def test_escapes_that_switch_the_character_set() -> None:
    kanji = "山田".encode("iso2022_jp").removeprefix(b"\x1b$B").removesuffix(b"\x1b(B")
    body = message("~ISO IR87", b"Yamada \\M2442\\" + kanji + b"\\C2842\\ Taro")
    parsed = Er7.parse(body)
    assert parsed.get("PID-5.1") == "Yamada 山田 Taro"
    assert parsed.encode() == body


def test_latin_1_text_may_switch_to_kanji() -> None:
    wire = "é".encode("iso8859-1") + "山".encode("iso2022_jp") + "ü".encode("iso8859-1")
    assert Er7.parse(message("8859/1~ISO IR87", wire)).get("PID-5.1") == "é山ü"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_wide_characters(codec: str, mark: str) -> None:
    name = "UNICODE UTF-16" if "16" in codec else "UNICODE UTF-32"
    body = (mark + message(name, "Łukasz 太郎".encode()).decode()).encode(codec)
    parsed = Er7.parse(body)
    assert parsed.get("PID-5.1") == "Łukasz 太郎"
    assert parsed.encode() == body
    assert not parsed.findings
    parsed.set("PID-8", "F")
    assert Er7.parse(parsed.encode()).get("PID-8") == "F"
    cut = Er7.parse(body + b"\x41")
    assert cut.encode() == body + b"\x41"
    assert [finding.code for finding in cut.findings] == ["V2-006"]


@pytest.mark.parametrize(
    ("charset", "name", "read", "codes"),
    [
        ("UNICODE UTF-8", b"M\xfcller", "M\ufffdller", ["V2-006"]),
        ("8859/6", b"\xa1x", "\ufffdx", ["V2-006"]),
        ("BIG-5", b"\xff\xffx", "\ufffd\ufffdx", ["V2-006"]),
        ("ASCII", b"M\xfcller", "Müller", ["V2-007"]),
        ("ASCII", "Müller".encode(), "Müller", ["V2-007"]),
        ("", b"M\xfcller", "Müller", ["V2-007"]),
        ("", "Müller".encode(), "Müller", ["V2-007"]),
        ('""', "Müller".encode(), "Müller", ["V2-007"]),
        ("KLINGON", b"M\xfcller", "Müller", ["V2-005"]),
        ("KLINGON", b"Muller", "Muller", ["V2-005"]),
        ("CNS 11643-1992", b"Muller", "Muller", ["V2-005"]),
        ("UNICODE UTF-16", "Müller".encode(), "Müller", ["V2-005"]),
    ],
)
def test_bytes_outside_the_character_set_stay_and_are_reported(
    charset: str, name: bytes, read: str, codes: list[str]
) -> None:
    body = message(charset, name)
    parsed = Er7.parse(body)
    assert parsed.get("PID-5.1") == read
    assert [finding.code for finding in parsed.findings] == codes
    assert parsed.encode() == body
    parsed.set("PV1-2", "O")
    assert parsed.encode() == body.replace(b"PV1|1|I", b"PV1|1|O")
    assert all("ller" not in str(finding) for finding in parsed.findings)


def test_raw_text_takes_unreadable_bytes_along() -> None:
    parsed = Er7.parse(message("UNICODE UTF-8", b"M\xfcller"))
    parsed.set_raw("PID-9", parsed.raw("PID-5"))
    assert b"||||M\xfcller^Given\r" in parsed.encode()


def test_the_channels_option_counts_where_msh_18_is_empty() -> None:
    name = "Łukasz".encode("iso8859-2")
    assert Er7.parse(message("", name), charset="8859/2").get("PID-5.1") == "Łukasz"
    assert Er7.parse(message("", name), charset="iso8859-2").get("PID-5.1") == "Łukasz"
    assert not Er7.parse(message("", name), charset="8859/2").findings
    declared = message("UNICODE UTF-8", "Łukasz".encode())
    assert Er7.parse(declared, charset="8859/2").get("PID-5.1") == "Łukasz"


@pytest.mark.parametrize("charset", ["ASCII", "", "8859/1"])
def test_text_that_the_character_set_cannot_write_is_refused(charset: str) -> None:
    parsed = Er7.parse(message(charset, b"Max"))
    with pytest.raises(Hl7Error) as refused:
        parsed.set("PID-5.1", "Łukasz")
    assert "UTF-8" in refused.value.hint
    assert "ukasz" not in str(refused.value)
    assert parsed.encode() == message(charset, b"Max")


@pytest.mark.parametrize(
    ("before", "codec", "after"),
    [
        ("8859/2", "iso8859-2", "UNICODE UTF-8"),
        ("UNICODE UTF-8", "utf-8", "8859/2"),
        ("", "iso8859-1", "UNICODE UTF-8"),
    ],
)
def test_a_message_is_written_in_another_character_set(before: str, codec: str, after: str) -> None:
    name = "Gödöllő" if codec != "iso8859-1" else "Müller"
    original = Er7.parse(message(before, name.encode(codec)))
    other = original.in_charset(after)
    assert other.get("PID-5.1") == name
    assert other.get("MSH-18") == after
    assert other.encode() == message(after, name.encode("utf-8" if "UTF-8" in after else "iso8859-2"))
    assert original.encode() == message(before, name.encode(codec))


@pytest.mark.parametrize("name", ["8859/1", "UNICODE UTF-16", "KLINGON", ""])
def test_a_character_set_that_cannot_write_the_message_is_refused(name: str) -> None:
    with pytest.raises(Hl7Error) as refused:
        Er7.parse(message("UNICODE UTF-8", "Łukasz".encode())).in_charset(name)
    assert refused.value.where == "MSH-18"


def test_a_character_that_would_be_written_as_a_delimiter_is_refused() -> None:
    parsed = Er7.parse(message("Shift_JIS", b"Max"))
    with pytest.raises(Hl7Error):
        parsed.set("PID-5.1", "¥100")


@pytest.mark.parametrize("name", ["rot13", "hex", "idna", "unicode_escape", "utf-7", "cp037", "x" * 5000, "\0", "../x"])
def test_codecs_that_are_no_character_sets_of_messages_are_not_taken(name: str) -> None:
    assert charset_named(name) is None


CODECS = ("UNICODE UTF-8", "8859/1", "8859/7", "BIG-5", "GB 18030-2000", "KS X 1001", "Shift_JIS", "ISO IR87", "CP949")


@given(st.sampled_from(CODECS), st.text(st.sampled_from("aé太許功ｱ김И|^~\\&\n€"), max_size=12), st.binary(max_size=12))
def test_any_text_set_is_read_back_and_other_bytes_stay(charset: str, value: str, other: bytes) -> None:
    other = other.replace(b"\r", b"").replace(b"\n", b"").replace(b"\x1b", b"")
    body = message(charset, b"Max") + b"ZZZ|" + other + b"\r"
    parsed = Er7.parse(body)
    before = parsed.get("ZZZ-1")
    try:
        parsed.set("PID-5.1", value)
    except Hl7Error:
        assert parsed.encode() == body
        return
    again = Er7.parse(parsed.encode())
    assert again.get("PID-5.1") == value
    assert again.get("ZZZ-1") == before
    assert parsed.encode().endswith(b"ZZZ|" + other + b"\r")
