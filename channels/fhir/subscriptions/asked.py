"""What a request to the subscription server asks for: by its method and address alone, and its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl

from channels.fhir.interaction import Interaction, is_id
from channels.fhir.refusal import RefusedError
from channels.fhir.subscriptions.topic import CODE, ID, SYSTEM
from schemas.fhir.topic import FOCUS

Kind = Literal["create", "read", "update", "delete", "search", "status", "events", "topic", "topics", "focus"]

_MOST = 1_000


class Asked(NamedTuple):
    """What is asked for, and of which subscription, "" for all of the client's."""

    kind: Kind
    id: str = ""

    @property
    def interaction(self) -> Interaction:
        """As the client's scopes know it."""
        type = "Basic" if self.kind in ("topic", "topics") else "Subscription"
        match self.kind:
            case "focus":
                return Interaction("read", FOCUS, self.id)
            case "create" | "read" | "update" | "delete":
                return Interaction(self.kind, type, self.id)
            case "search" | "topics":
                return Interaction("search", type)
        return Interaction("read", type, self.id or ID)


def asked_of(method: str, path: str, query: str, *, reads: bool) -> Asked | None:
    """What `method` on `path` asks of the subscription server; None for what is no matter of it. What events are about
    is read here where no other server `reads`.

    Raises `RefusedError`: 404 for what there is nothing at, 405 for a method that is nothing there.
    """
    method = "GET" if method == "HEAD" else method
    match path.rstrip("/").split("/"):
        case ["Basic", id] if id == ID and method == "GET":
            return Asked("topic")
        case ["Basic"] if method == "GET" and _asks_for_topics(query):
            return Asked("topics")
        case [type, id] if type == FOCUS and method == "GET" and not reads and is_id(id):
            return Asked("focus", id)
        case ["Subscription", *below]:
            return _asked(method, below)
    return None


def parameters_of(query: str, body: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """The parameters of an operation: of the address, and of the Parameters resource that was posted; raises
    `RefusedError` (400) for more than anybody needs."""
    found = _pairs(query)
    given = body.get("parameter") if body is not None and body.get("resourceType") == "Parameters" else None
    for each in given if isinstance(given, list) else ():
        name = each.get("name") if isinstance(each, dict) else None
        values = [value for key, value in each.items() if key.startswith("value")] if isinstance(name, str) else []
        found += [(str(name), str(value)) for value in values if isinstance(value, str | int)]
    return found


def values_of(parameters: Sequence[tuple[str, str]], name: str) -> set[str]:
    """The values of one parameter, any of which will do; none where it is not there."""
    return {value for key, written in parameters if key == name for value in written.split(",") if value}


def number_of(parameters: Sequence[tuple[str, str]], name: str, otherwise: int) -> int:
    """An event's number; raises `RefusedError` (400)."""
    written = next((value for key, value in parameters if key == name), "")
    if not written:
        return otherwise
    if not (written.isascii() and written.isdecimal() and len(written) < 19):
        raise RefusedError(400, "value", f"{name} is the number of an event.")
    return int(written)


def _asked(method: str, below: list[str]) -> Asked:
    match below:
        case []:
            return Asked(_one_of(method, {"GET": "search", "POST": "create"}))
        case ["_search"]:
            return Asked(_one_of(method, {"POST": "search"}))
        case ["$status"]:
            return Asked(_one_of(method, {"GET": "status", "POST": "status"}))
        case [id]:
            return Asked(_one_of(method, {"GET": "read", "PUT": "update", "DELETE": "delete"}), _id(id))
        case [id, "$status"]:
            return Asked(_one_of(method, {"GET": "status", "POST": "status"}), _id(id))
        case [id, "$events"]:
            return Asked(_one_of(method, {"GET": "events", "POST": "events"}), _id(id))
    raise RefusedError(404, "not-found", "There is nothing at this address.")


def _one_of(method: str, kinds: Mapping[str, Kind]) -> Kind:
    if method not in kinds:
        raise RefusedError(405, "not-supported", "That cannot be done here.", headers={"allow": ", ".join(kinds)})
    return kinds[method]


def _id(text: str) -> str:
    if not is_id(text):
        raise RefusedError(404, "not-found", "There is no such subscription.")
    return text


def _asks_for_topics(query: str) -> bool:
    codes = [value for name, value in _pairs(query) if name == "code"]
    return any(each in (CODE, f"{SYSTEM}|{CODE}") for each in codes)


def _pairs(query: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST)
    except ValueError:
        raise RefusedError(400, "too-costly", f"At most {_MOST:,} parameters are taken.") from None
