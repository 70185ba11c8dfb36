"""Every finding that reading a site can make: its number, what it means, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.finding import Finding, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """One number: `meaning` says what is wrong and why it matters, `hint` what to write instead."""

    code: str
    title: str
    meaning: str
    hint: str
    severity: Severity = Severity.ERROR


def finding(code: str, where: str, what: str, hint: str | None = None, severity: Severity | None = None) -> Finding:
    """The finding of number `code` at `where`; hint and severity are the rule's own unless given."""
    rule = RULES[code]
    return Finding(code, where, what, rule.hint if hint is None else hint, severity or rule.severity)


_WARNING = Severity.WARNING
_INFORMATION = Severity.INFORMATION

_ALL = (
    # 1xx: reading the file
    Rule(
        "HIE101",
        "The file cannot be read",
        "The operating system refused to open or read the file. Nothing in it is in force.",
        "see that the file is there and that the engine's user may read it",
    ),
    Rule(
        "HIE102",
        "The file is too large",
        "A configuration file may have 1 MB. Larger ones are almost always data in the wrong place.",
        "put tables into maps/ and long lists into panels/",
    ),
    Rule(
        "HIE103",
        "The file is not UTF-8 text",
        "The file holds bytes that are not UTF-8, or control characters. Names with umlauts written by an editor in "
        "another character set look right on screen and match no message.",
        "save the file as UTF-8",
    ),
    Rule(
        "HIE104",
        "The file is not YAML",
        "The line cannot be read. The mistake is often on the line before: a bracket or a quote that does not end.",
        "see this line and the one before it: brackets, quotes, colons and indentation",
    ),
    Rule(
        "HIE105",
        "A tab indents the line",
        "YAML allows spaces only before the first character of a line.",
        "indent with spaces",
    ),
    Rule(
        "HIE106",
        "A key is written twice",
        "One mapping has the same key twice. YAML readers differ in which one counts, so neither is trusted.",
        "keep one of the two; several values of one path are a list: PATH: [A, B]",
    ),
    Rule(
        "HIE107",
        "The file holds several documents",
        "One file is one channel. What follows a line of three hyphens would be a second document.",
        "one file, one channel: move the rest to a file of its own",
    ),
    Rule(
        "HIE108",
        "The file is empty, or no mapping",
        "A channel file and hie.yaml are mappings: keys, each with a value.",
        "begin with `channel: a-name`",
    ),
    Rule(
        "HIE109",
        "An alias without its anchor",
        "`*name` repeats what was marked `&name` above it in the same file. There is no such mark.",
        "mark the value with &name above the first *name",
    ),
    Rule(
        "HIE110",
        "The file is nested or repeated too much",
        "Depth and the number of values are limited, aliases counted as what they stand for, so that no file can make "
        "the engine run out of memory.",
        "write it flatter; put tables into maps/",
    ),
    Rule(
        "HIE111",
        "A YAML tag or merge key",
        "Every scalar is text and the option decides what it means, so tags (`!!int`) have no use. Merge keys (`<<`) "
        "are left out because the order in which they overwrite surprises.",
        "leave the tag out; to repeat a mapping use &name and *name on the whole of it",
    ),
    Rule(
        "HIE112",
        "A key that is no text",
        "A list or a mapping cannot be a key. A `{` at the start of a value without quotes reads as a mapping.",
        'put the text into quotes: "{PID-3.1}"',
    ),
    Rule(
        "HIE113",
        "A `${...}` that cannot be read",
        "The braces hold a variable's name, a name with a default, or a file.",
        "write ${NAME}, ${NAME:-default} or ${file:/run/secrets/name}; a literal ${ is $${",
    ),
    Rule(
        "HIE114",
        "An environment variable is missing",
        "`${NAME}` is replaced when the file is read, and the environment has no NAME.",
        "set the variable, or write ${NAME:-default}",
    ),
    Rule(
        "HIE115",
        "A secrets file cannot be read",
        "`${file:PATH}` is replaced by the file's text when the configuration is read.",
        "see that the file is there, is UTF-8 text and that the engine's user may read it",
    ),
    # 2xx: names and options
    Rule(
        "HIE201",
        "An unknown key",
        "The key has no meaning at this place, so what stands under it would have no effect.",
        "see docs/channels.md for the keys of a channel and of a route",
    ),
    Rule(
        "HIE202",
        "An unknown end",
        "No end has this name.",
        "see docs/reference/ends.md",
    ),
    Rule(
        "HIE203",
        "An unknown step",
        "Neither the engine nor the site's extensions/ has a step of this name.",
        "see docs/reference/steps.md, or write the step in extensions/",
    ),
    Rule(
        "HIE204",
        "An unknown option",
        "The end or step has no option of this name.",
        "see docs/reference/",
    ),
    Rule(
        "HIE205",
        "Something required is missing",
        "A key, or an option without a default, is not written.",
        "write it",
    ),
    Rule(
        "HIE206",
        "A value that does not fit",
        "The option's type cannot take this text: a duration without a unit, a port that is no number, a word that is "
        "not among the choices.",
        "see docs/reference/ for what the option takes",
    ),
    Rule(
        "HIE207",
        "An end in the wrong direction",
        "The end exists, but only for the other direction.",
        "see docs/reference/ends.md",
    ),
    Rule(
        "HIE208",
        "A name that cannot be used",
        "Names of channels and routes become names of queues, files and metrics.",
        "use lower-case letters, digits, hyphens and underscores, at most 60, beginning with a letter or digit",
    ),
    Rule(
        "HIE209",
        "A condition without meaning",
        "A condition is paths, each with a value, a list of values, or one of the tests not, like, exists.",
        "write PATH: value, PATH: [one, of, these], PATH: {not: value}, PATH: {like: A*} or PATH: {exists: true}",
    ),
    Rule(
        "HIE210",
        "Not a path",
        "The text addresses nothing: neither an element of an HL7 v2 message nor an attribute.",
        "for example PID-3.1, OBX[*]-3.1 or subscriber.id",
    ),
    Rule(
        "HIE211",
        "A template that cannot be filled",
        "In a template `{path}` is filled from the message. A brace is left open, or what it holds is no path.",
        "write {PID-3.1} or {subscriber.id}; a literal brace is {{ or }}",
    ),
    Rule(
        "HIE212",
        "One end, one step",
        "An inbound or outbound has exactly one end, and an item of `steps` exactly one step.",
        "one name, alone or followed by its options: mllp: {listen: 127.0.0.1:2575}",
    ),
    Rule(
        "HIE213",
        "An extension cannot be loaded",
        "The Python file raised while it was loaded. None of its steps exist, and channels that use them do not start.",
        "run the file with Python to see the whole error",
    ),
    Rule(
        "HIE214",
        "An extension takes a name that is taken",
        "Two steps of one name: a reader of the channel file could not know which one runs.",
        "give the step another name",
    ),
    Rule(
        "HIE215",
        "A step whose signature cannot be used",
        "A step takes the message first, then either one positional-only value or keyword-only options with types that "
        "exist.",
        "write def name(message: Message, *, option: str = ...)",
    ),
    # 3xx: what it means
    Rule(
        "HIE301",
        "Two channels of one name",
        "The journal tells messages apart by their channel's name. Neither file can say which it is.",
        "rename one of the two",
    ),
    Rule(
        "HIE302",
        "Two routes of one name",
        "A route has a queue of its own, called after it.",
        "rename one of the two",
    ),
    Rule(
        "HIE303",
        "A channel without routes",
        "Messages would be accepted, journaled and go nowhere.",
        "add a route; the `file` end writes to a folder",
        _WARNING,
    ),
    Rule(
        "HIE304",
        "Two listeners on one port",
        "Only the first can listen; the other channel would not start.",
        "give one of them another port",
    ),
    Rule(
        "HIE305",
        "An attribute that nothing has set",
        "At this place neither the inbound end nor a step before it sets the attribute, so it is always empty.",
        "put the step that sets it before this place",
    ),
    Rule(
        "HIE306",
        "Nothing can reach this",
        "The conditions on the way contradict one another, so no message ever passes.",
        "see the two conditions: each value is compared as text and in the same case",
    ),
    Rule(
        "HIE307",
        "In order, and in parallel",
        "`in_order: true` sends one message at a time; `parallel` asks for several.",
        "order by a key (in_order: PID-3.1), or leave one of the two out",
    ),
    Rule(
        "HIE308",
        "A retry that contradicts itself",
        "The first wait is longer than the longest, or the route gives up before the first retry.",
        "first is at most `most`, and give_up_after is longer than `first`",
    ),
    Rule(
        "HIE309",
        "A missing file",
        "The option names a file or folder that is not there.",
        "paths are relative to the site's folder; see the spelling",
    ),
    Rule(
        "HIE310",
        "A map that nothing uses",
        "No channel names this file in maps/.",
        "remove it, or name it in the step it was meant for",
        _INFORMATION,
    ),
    Rule(
        "HIE311",
        "A setting for a channel that is not there",
        "hie.yaml names a channel that no file defines.",
        "see the spelling of the channel's name",
    ),
    Rule(
        "HIE312",
        "A site without channels",
        "There is nothing to start.",
        "put a file into channels/",
        _WARNING,
    ),
    Rule(
        "HIE313",
        "Two channels take from one folder",
        "Each file would go to whichever channel sees it first.",
        "give each channel a folder of its own, and let one channel have two routes",
    ),
    Rule(
        "HIE314",
        "A route that is not there",
        "An option names a route of this channel that the channel does not have.",
        "see the spelling: the name stands behind `route:`",
    ),
    Rule(
        "HIE315",
        "Notices that nobody takes",
        "The route waits for notices of delivery, and no channel takes mail for the address that it sends from.",
        "add the address or its domain to `recipients` of an inbound direct end, or write wait_for: nothing",
        _WARNING,
    ),
    Rule(
        "HIE316",
        "A roster or directory that cannot be read",
        "It stays as it was when it was loaded last: nobody is added, and nobody ends. The check reads its "
        "first 1,000 lines; the engine says what is wrong in the others when it loads them.",
        "docs/matching.md and docs/notifications.md name the columns; save the file as UTF-8 with one entry a line",
    ),
    Rule(
        "HIE317",
        "A subscriber without a panel",
        "Nobody is a patient of this subscriber, so that it is told nothing.",
        "put its roster into panels/, or name another: panel: NAME",
        _WARNING,
    ),
    Rule(
        "HIE318",
        "What is left to a person, and nobody sees",
        "A doubtful match (match_panel: match.verdict: review), a recipient who is not known (find_recipient, "
        "find_specialist: recipient.verdict: unknown), a code without a map (map_codes with unmapped: hold: "
        "codes.unmapped), a message that contradicts its referral (track_referral: referral.verdict: refused) or "
        "belongs to none that is known (open_referral: referral.unknown) goes to nobody. No route takes such a "
        "message, so nobody ever looks at it.",
        "add a route with when: {match.verdict: review}, or the other attribute, and the end worklist",
        _WARNING,
    ),
    Rule(
        "HIE319",
        "A subscriber that no route serves",
        "No channel with match_panel, or for results with find_recipient, has a route for it: nothing reaches it.",
        "add a route with when: {subscriber.delivery: ...}, or see the spelling of delivery",
        _WARNING,
    ),
    Rule(
        "HIE320",
        "A subscriber without an address",
        "The route that serves it goes to {subscriber.address}, which is empty: every notice would fail.",
        "write address: in registry/subscribers.yaml",
    ),
    Rule(
        "HIE321",
        "Subscriptions of clients without a name",
        "Whoever subscribes is known by the name of its client. Here nobody is asked for one, so that every request "
        "about a subscription is refused.",
        "write access: {clients: ...}, or tls with clients (mutual TLS)",
    ),
    Rule(
        "HIE322",
        "Subscriptions that nobody notifies",
        "Clients may subscribe here, and no channel sends what they subscribe to: not even the handshake goes out.",
        "add a route with match_subscriptions that ends in subscription; docs/ends/fhir-subscriptions.md",
        _WARNING,
    ),
    Rule(
        "HIE323",
        "Versions of a result that may overtake each other",
        "tell_result lets the preliminary and then the final result pass. A delivery of the first that fails is tried "
        "again later, and without an order it may come after the second.",
        "write in_order: notice.key for the route",
        _WARNING,
    ),
    Rule(
        "HIE324",
        "Opt-outs from nobody",
        "The file lists patients of whom one subscriber is not to be told, and no subscriber has its name: whoever is "
        "meant is told all the same.",
        "call the file as the subscriber is called in registry/subscribers.yaml",
    ),
    Rule(
        "HIE325",
        "Times of day without a zone",
        "Quiet hours or the time of a digest are taken as UTC, which is another time of day for most.",
        "write the zone's IANA name: zone: America/Chicago; or zone: UTC",
        _WARNING,
    ),
    # 4xx: safety
    Rule(
        "HIE401",
        "A secret in clear",
        "The file is reviewed, copied and kept in version control, and so is the secret in it.",
        "write ${NAME} or ${file:/run/secrets/name}, and change the secret",
    ),
    Rule(
        "HIE402",
        "No TLS beyond this machine",
        "Patients' data would cross the network readable by everyone on the way.",
        "add tls: {...}; where the network itself is encrypted say so with tls: none",
        _WARNING,
    ),
)

RULES: dict[str, Rule] = {rule.code: rule for rule in _ALL}
"""Every rule by its number."""
