"""A message in HL7 v2's delimited encoding (ER7): lossless, lenient, and split only where it is touched."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from schemas.hl7v2.charset import Charset, charset_named
from schemas.hl7v2.delimiters import Delimiters
from schemas.hl7v2.encoding import Encoding
from schemas.hl7v2.error import Hl7Error
from schemas.hl7v2.inspect import inspect
from schemas.hl7v2.opening import Opening, open_message
from schemas.hl7v2.path import ALL, Path
from schemas.hl7v2.segment import HEADERS, Segment, read
from schemas.hl7v2.splitting import split

if TYPE_CHECKING:
    from schemas.finding import Finding

_parse_path = Path.parse
_LINE_END = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}\Z", re.ASCII)


class Er7:
    """One HL7 v2 message. What is not edited is written back byte for byte.

    Reading is by path (`PID-3[2].4.1`); editing changes the addressed element and no other byte. Not for use by several
    threads at once.
    """

    __slots__ = ("_body", "_by_name", "_encoding", "_lead", "_opening", "_segments", "_texts", "_touched", "delimiters")

    def __init__(self, opening: Opening, body: bytes) -> None:
        self._opening = opening
        self._body = body
        self._segments: list[Segment] | None = None
        self._by_name: dict[str, list[Segment]] = {}
        self._touched: dict[str, list[str]] = {}
        self._texts: dict[str, str] = {}  # by path, of a message that is not split yet
        self._lead = ""
        self._encoding = Encoding(opening.delimiters, opening.charset, opening.is_simple)
        self.delimiters: Delimiters = opening.delimiters

    @classmethod
    def parse(cls, body: bytes, charset: str | None = None) -> Er7:
        """The message that `body` holds; raises `Hl7Error` when no MSH is found, and for no other damage.

        `charset` (a name of HL7 table 0211 or of a Python codec) is what a message without MSH-18 is read in. Without
        it, such a message is read as UTF-8 where its bytes are valid UTF-8, else as ISO 8859-1.
        """
        return cls(open_message(body, charset), body)

    def __repr__(self) -> str:
        return f"<Er7 {len(self._body)} bytes>"

    def encode(self) -> bytes:
        """The message's bytes: those it was parsed from, with the edits."""
        if not self._encoding.edited:
            return self._body
        parts = [self._lead]
        for segment in self.segments:
            parts += (segment.wire, segment.end)
        return self._encoding.charset.from_wire("".join(parts)) + self._opening.tail

    def copy(self) -> Er7:
        """An equal message that can be edited without touching this one."""
        return self.only(self.segments) if self._encoding.edited else Er7(self._opening, self._body)

    def only(self, segments: Iterable[Segment]) -> Er7:
        """A message of its own that has these of this message's segments, in the order given, and no others."""
        other = Er7(self._opening, self._body)
        encoding = other._encoding
        encoding.edited = True
        encoding.is_simple = self._encoding.is_simple
        other._lead = self._lead
        chosen = [Segment(encoding, each.name, each.wire, each.end) for each in segments]
        for each in chosen[:-1]:
            each.end = each.end or self.terminator
        other._hold(chosen)
        return other

    def in_charset(self, name: str) -> Er7:
        """This message written in another character set of HL7 table 0211, which MSH-18 then names.

        Raises `Hl7Error` when `name` is not known, or is UTF-16 or UTF-32, or cannot write the message's text.
        """
        charset = charset_named(name, self.delimiters.repetition)
        if charset is None or charset.is_wide:
            raise Hl7Error(
                "not a character set to write a message in", where="MSH-18", hint="for example UNICODE UTF-8"
            )
        declared = self.copy()
        declared.set_raw("MSH-18", name)
        texts = [declared.lead]
        for segment in declared.segments:
            texts += (declared.decode_wire(segment.wire, "surrogateescape"), segment.end)
        try:
            wire = "".join([charset.encode(text) for text in texts])
        except UnicodeEncodeError:
            what = f"the character set {name} cannot write this message"
            raise Hl7Error(what, where="MSH-18", hint="UNICODE UTF-8 can write every text") from None
        return Er7.parse(charset.from_wire(wire))

    # reading

    def get(self, path: str) -> str:
        r"""The text at `path`, "" when it is absent.

        An element with parts of its own (a field with repetitions or components, a component with subcomponents) gives
        its encoded text, any other its plain text. `PID-3` means all repetitions, `PID-3.1` the first one's component;
        `PID` the whole segment. A null (`""`) is two quotation marks. What cannot be read in the character set shows as
        U+FFFD. Raises `Hl7Error` when `path` is none.
        """
        if self._segments is None:
            # A message is asked for the same few elements on its way in, by its channel's steps, and for its order.
            text = self._texts.get(path)
            if text is not None:
                return text
            address = _parse_path(path)
            if address.occurrence == 1 and address.field:
                fields = self._touched.get(address.segment) or self._touch(address.segment)
                if fields is not None:
                    text = self._texts[path] = read(self._encoding, fields, address)
                    return text
            self._split()
        else:
            address = _parse_path(path)
        found = self._by_name.get(address.segment)
        if found is None:
            return ""
        if address.occurrence == 1:
            segment = found[0]
        elif address.occurrence > len(found):
            return ""
        elif address.occurrence == ALL:
            return next(iter(self.get_all(path)), "")
        else:
            segment = found[address.occurrence - 1]
        return segment.read(address) if address.field else segment.text

    def get_all(self, path: str) -> list[str]:
        """The texts at `path` that are not empty; `[*]` is each segment or repetition (`OBX[*]-3.1`, `PID-3[*].4`)."""
        address = _parse_path(path)
        texts: list[str] = []
        for segment in self._addressed(address):
            if address.field:
                texts += segment.read_all(address)
            else:
                texts.append(segment.text)
        return texts

    def raw(self, path: str) -> str:
        """The encoded text at `path`, "" when it is absent; `set_raw` takes it back without loss.

        Bytes that cannot be read in the character set are lone surrogates, as Python's `surrogateescape` makes them.
        """
        address = _parse_path(path)
        for segment in self._addressed(address):
            return self.decode_wire(segment.element(address) or "", "surrogateescape")
        return ""

    @property
    def segments(self) -> list[Segment]:
        """The segments in order, lines that are no segments among them (their name is empty). Not to be changed."""
        if self._segments is None:
            self._split()
        return self._segments or []

    def named(self, name: str) -> list[Segment]:
        """The segments called `name`, in order. Not to be changed."""
        if self._segments is None:
            self._split()
        return self._by_name.get(name, [])

    @property
    def message_type(self) -> str:
        """`ADT`: MSH-9.1, or its first part where the sender wrote `ADT_A01` there."""
        return self.get("MSH-9[1].1").partition("_")[0]

    @property
    def trigger_event(self) -> str:
        """`A01`: MSH-9.2, or the second part of an MSH-9.1 like `ADT_A01`."""
        return self.get("MSH-9[1].2") or self.get("MSH-9[1].1").partition("_")[2]

    @property
    def structure(self) -> str:
        """`ADT_A01`: MSH-9.3 as the sender declares it, "" where it does not."""
        declared = self.get("MSH-9[1].3")
        first = self.get("MSH-9[1].1")
        return declared or (first if "_" in first else "")

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.get("MSH-10")

    @property
    def version(self) -> str:
        """MSH-12.1."""
        return self.get("MSH-12.1")

    @property
    def charset(self) -> str:
        """Python's name of the character set that the message is read in."""
        return self._encoding.charset.codec

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with the message's encoding: text that cannot be read, lines that are no segments and so on."""
        return inspect(self, self._opening)

    # editing

    def set(self, path: str, value: str) -> None:
        """Put plain text at `path`, escaped; what is missing on the way is made, a missing segment at the end.

        With `[*]` every segment or repetition that there is. Raises `Hl7Error` when the character set cannot write the
        text or there is no such place.
        """
        self._write(path, self._encoding.write_plain(value))

    def set_raw(self, path: str, text: str) -> None:
        """Put encoded text at `path`, a whole segment included; raises `Hl7Error` like `set`."""
        self._write(path, self._encoding.write(text))

    def remove(self, path: str) -> int:
        """Remove the segment, field, repetition, component or subcomponent at `path`; the number of elements removed.

        Segments and repetitions after it move up. Any other element leaves its place empty, so that what follows keeps
        its number; the last of its parent goes with its separator. `NK1` is the first NK1, `NK1[*]` every one.
        """
        address = _parse_path(path)
        chosen = self._addressed(address)
        if address.field:
            return sum(segment.erase(address) for segment in chosen)
        for segment in chosen:
            self._remove_segment(segment)
        return len(chosen)

    def add(self, name: str, after: Segment | None = None) -> Segment:
        """A new, empty segment after `after`, or at the end."""
        if not _NAME.match(name) or name in HEADERS:
            raise Hl7Error("not the name of a segment that can be added", where=name[:3], hint="for example OBX or ZPI")
        segments = self.segments
        at = segments.index(after) + 1 if after is not None else len(segments)
        before = segments[at - 1]
        segment = Segment(self._encoding, name, name, before.end)
        before.end = self.terminator
        segments.insert(at, segment)
        if at == len(segments) - 1:
            self._by_name.setdefault(name, []).append(segment)
            segment.occurrence = len(self._by_name[name])
        else:
            self._hold(segments)
        self._encoding.edited = True
        return segment

    @property
    def lead(self) -> str:
        """The wire text before the first segment."""
        if self._segments is None:
            self._split()
        return self._lead

    @property
    def terminator(self) -> str:
        """What ends the message's first line: CR where there is only one."""
        found = _LINE_END.match(self.named("MSH")[0].end)
        return found.group() if found else "\r"

    def line_of(self, segment: Segment) -> int:
        """The line that `segment` starts at, from 1."""
        line = 1 + len(_LINE_END.findall(self._lead))
        for each in self.segments:
            if each is segment:
                break
            line += len(_LINE_END.findall(each.wire)) + len(_LINE_END.findall(each.end))
        return line

    # wire text: for the modules of this package

    @property
    def wire_charset(self) -> Charset:
        """How the message's wire text is read."""
        return self._encoding.charset

    @property
    def is_plain(self) -> bool:
        """Whether the wire text of every leaf is its plain text: ASCII throughout, and nothing escaped."""
        encoding = self._encoding
        return encoding.is_simple and not encoding.edited and self._opening.wire.count(self.delimiters.escape) <= 1

    def plain(self, wire: str) -> str:
        """The plain text of a leaf."""
        return self._encoding.plain(wire)

    def decode_wire(self, wire: str, errors: str = "replace") -> str:
        """The encoded text that `wire` stands for; `errors` as for Python's codecs."""
        return self._encoding.decode(wire, errors)

    def _write(self, path: str, wire: str) -> None:
        address = _parse_path(path)
        chosen = self._addressed(address)
        if not address.field:
            self._write_segment(address, chosen, wire)
            return
        if not chosen and address.occurrence != ALL and wire:
            if address.occurrence != len(self.named(address.segment)) + 1:
                raise Hl7Error("segments before this one are missing", where=path, hint="make them in order")
            chosen = [self.add(address.segment)]
        for segment in chosen:
            segment.write(address, wire)

    def _write_segment(self, address: Path, chosen: list[Segment], wire: str) -> None:
        named = wire[:3] == address.segment and wire[3:4] in ("", self.delimiters.field)
        if not named or address.segment in HEADERS:
            raise Hl7Error(
                "a whole segment is set as encoded text that starts with its name",
                where=str(address),
                hint="set_raw with the segment's text; MSH is edited field by field",
            )
        if not chosen and address.occurrence == len(self.named(address.segment)) + 1:
            chosen = [self.add(address.segment)]
        for segment in chosen:
            segment.overwrite(wire)

    def _addressed(self, address: Path) -> list[Segment]:
        found = self.named(address.segment)
        if address.occurrence == ALL:
            return list(found)
        return found[address.occurrence - 1 : address.occurrence]

    def _remove_segment(self, segment: Segment) -> None:
        segments = self.segments
        at = segments.index(segment)
        if segment is self.named("MSH")[0]:
            raise Hl7Error("a message cannot be without its header", where="MSH")
        if at == len(segments) - 1:
            segments[at - 1].end = segment.end
        del segments[at]
        self._hold(segments)
        self._encoding.edited = True

    def _touch(self, name: str) -> list[str] | None:
        """The fields of the first segment called `name`, without splitting the message; None where it takes that."""
        opening = self._opening
        wire = opening.wire
        separator = self.delimiters.field
        at = -1 if opening.offset or "\n" in wire else wire.find(name + separator)
        if at < 0 or (at > 0 and wire[at - 1] != "\r"):
            return None
        end = wire.find("\r", at)
        fields = (wire[at:] if end < 0 else wire[at:end]).split(separator)
        if name in HEADERS:
            fields.insert(1, separator)
        self._touched[name] = fields
        return fields

    def _hold(self, segments: list[Segment]) -> None:
        by_name: dict[str, list[Segment]] = {}
        for segment in segments:
            named = by_name.get(segment.name)
            if named is None:
                by_name[segment.name] = [segment]
                segment.occurrence = 1
            else:
                named.append(segment)
                segment.occurrence = len(named)
        self._segments = segments
        self._by_name = by_name

    def _split(self) -> None:
        self._lead, segments = split(self._opening.wire, self._opening.offset, self._encoding)
        self._hold(segments)
