"""The signature is the schema: what an end or a step takes, read from its parameters, types and docstring."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, ValidationError, create_model
from pydantic.fields import FieldInfo

from engine.config.shape import JsonSchema, Problem, branch, resolve, shaped
from engine.config.suggest import did_you_mean
from engine.config.tree import Entries, Node, Text, locate, texts
from schemas.condition import ConditionError
from schemas.error import BodyError
from schemas.tables import TableError
from schemas.values import Size

REGISTRY = "registry"
"""The parameter of a step that is handed the site's registry, and is no option."""
VALUE = "value"
"""The name under which a step that takes its whole YAML value keeps it."""

_NOTHING = inspect.Parameter.empty
_ARGUMENT = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?:\s*(.*)\Z")


class SignatureError(Exception):
    """The callable cannot be an end or a step; the text says why."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option: `name` as in YAML, `parameter` as in Python (`from_` is `from`), and its line of the manual."""

    name: str
    parameter: str
    annotation: Any
    default: Any
    help: str = ""

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is _NOTHING

    @property
    def shown_default(self) -> str:
        """The default as an engineer would write it; empty when there is none to write."""
        return show(self.default, self.annotation)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a callable takes. `takes_value` says that it takes the whole YAML value and not options."""

    summary: str
    details: str
    options: tuple[Option, ...]
    takes_value: bool
    takes_registry: bool
    model: type[BaseModel]
    schema: JsonSchema = field(repr=False)
    """JSON schema of the options, or of the value; `$ref`s are into its own `$defs`."""

    def option(self, name: str) -> Option | None:
        """The option that YAML calls `name`."""
        return next((option for option in self.options if option.name == name), None)

    def convert(self, node: Node | None, site: Path) -> tuple[dict[str, Any], list[Problem]]:
        """The arguments that `node` gives, by parameter name, and what is wrong with it.

        None stands for a name without options. Texts are converted by the options' types; files are relative to `site`.
        """
        given = node if node is not None else Entries((), 0)
        if node is None or (isinstance(node, Text) and node.is_empty):
            if self.takes_value:
                option = self.options[0]
                return {}, [Problem("HIE205", given, "it takes a value", option.help)] if option.required else []
            given = Entries((), given.line)
        if not self.takes_value and not isinstance(given, Entries):
            return {}, [Problem("HIE206", given, "options are a mapping", self._hint())]
        problems: list[Problem] = []
        value = shaped(self.schema, given, self.schema, problems)
        try:
            model = self.model.model_validate({VALUE: value} if self.takes_value else value, context={"site": site})
        except ValidationError as error:
            problems.extend(self._problems(error, given))
            return {}, problems
        except Exception as error:  # a type of the site's own may raise what it likes
            return {}, [*problems, Problem("HIE206", given, f"the option's type raised {type(error).__name__}", "")]
        names = {f"option_{option.parameter}": option.parameter for option in self.options}
        return {names[name]: getattr(model, name) for name in model.model_fields_set}, problems

    def leaves(self, node: Node | None) -> Iterator[tuple[str, JsonSchema, Text]]:
        """Every text in `node` with its place (`tls.key`) and the schema of its type; of a mapping, typed keys too."""
        if node is not None:
            yield from _leaves("", self.schema, node, self.schema)

    def _hint(self) -> str:
        names = [option.name for option in self.options]
        return f"write {names[0]}: ... under it" if names else "it takes no options"

    def _problems(self, error: ValidationError, given: Node) -> Iterator[Problem]:
        seen: set[tuple[int, str, str]] = set()
        for each in error.errors():
            place = each["loc"][1:] if self.takes_value else each["loc"]
            node, name = _located(given, place)
            missing = str(place[-1]) if each["type"] == "missing" else ""
            problem = _problem(each, ".".join(filter(None, (name, missing))), node, self)
            if (id(node), problem.code, missing) not in seen:  # the branches of a union complain one by one
                seen.add((id(node), problem.code, missing))
                yield problem


def _located(given: Node, place: tuple[str | int, ...]) -> tuple[Node, str]:
    """The node at `place`, and what to call it: `tls.key`. The name of a union's branch is no part of either."""
    node, name = given, ""
    for part in place:
        inner = locate(node, (part,))
        if inner is not node:
            node = inner
            name += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if name else part
    return node, name


def _problem(error: Any, name: str, node: Node, signature: Signature) -> Problem:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return Problem("HIE205", node, f"{name} is missing")
    cause = context.get("error")
    what = str(cause) if kind == "value_error" else error["msg"].replace("Input should be", "must be")
    what = _without_secrets(what, node)
    if isinstance(cause, ConditionError):
        path = what.partition(":")[0]
        return Problem("HIE209", (node.key(path) if isinstance(node, Entries) else None) or node, what)
    if isinstance(cause, BodyError):
        return Problem("HIE210", node, str(cause.args[0]) if cause.args else what, cause.hint or None)
    if isinstance(cause, TableError):
        return Problem("HIE309" if isinstance(node, Text) and ": No such file" in what else "HIE206", node, what)
    hint = None
    if kind == "literal_error" and isinstance(node, Text):
        expected = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        hint = did_you_mean(node.written, expected)
    elif isinstance(node, Entries) and _is_unquoted_template(node):
        hint = 'a text that begins with { needs quotes: "{PID-3.1}"'
    option = signature.option(name.partition(".")[0].partition("[")[0])
    if hint is None and option is not None and option.help:
        hint = option.help
    return Problem("HIE206", node, f"{name}: {what}" if name else what, hint)


def _without_secrets(what: str, node: Node) -> str:
    for text in texts(node):
        if text.is_expanded and text.text and text.text in what:
            what = what.replace(text.text, text.written)
    return what


def _is_unquoted_template(node: Entries) -> bool:
    return len(node.entries) == 1 and isinstance(node.entries[0][1], Text) and node.entries[0][1].is_empty


@lru_cache(maxsize=512)
def signature_of(function: Callable[..., Any]) -> Signature:
    """What `function` (an end's class, or a step) takes; raises `SignatureError`.

    The first parameter is the engine's (context, message); keyword-only parameters are options; a second positional one
    is the whole value. A parameter `from_` is the option `from`.
    """
    target = function.__init__ if inspect.isclass(function) else function
    try:
        hints = get_type_hints(target, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())
    except (NameError, TypeError, ValueError, AttributeError) as error:
        raise SignatureError(f"its types cannot be read: {error}") from error
    summary, details, arguments = read_docstring(inspect.getdoc(function) or "")
    values = [each for each in parameters[1:] if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    named = [each for each in parameters if each.kind is each.KEYWORD_ONLY]
    takes_registry = any(each.name == REGISTRY for each in named)
    named = [each for each in named if each.name != REGISTRY]
    if not parameters or parameters[0].kind in (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD):
        raise SignatureError("it takes no message")
    if len(values) > 1 or (values and named):
        raise SignatureError("it takes either one value or keyword-only options")
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in parameters):
        raise SignatureError("options have names: * and ** cannot be checked")
    options = tuple(
        Option(
            VALUE if values else each.name.rstrip("_"),
            each.name,
            hints.get(each.name, Any),
            each.default,
            arguments.get(each.name, ""),
        )
        for each in values or named
    )
    return _signature(function.__name__, summary, details, options, bool(values), takes_registry=takes_registry)


def keyword_signature(function: Callable[..., Any]) -> Signature:
    """What a function takes whose parameters are all options: the keys of a channel, a route, `hie.yaml`."""
    hints = get_type_hints(function, include_extras=True)
    summary, details, arguments = read_docstring(inspect.getdoc(function) or "")
    options = tuple(
        Option(each.name.rstrip("_"), each.name, hints[each.name], each.default, arguments.get(each.name, ""))
        for each in inspect.signature(function).parameters.values()
    )
    return _signature(function.__name__, summary, details, options, takes_value=False)


def _signature(
    name: str,
    summary: str,
    details: str,
    options: tuple[Option, ...],
    takes_value: bool,
    *,
    takes_registry: bool = False,
) -> Signature:
    fields: dict[str, Any] = {
        f"option_{option.parameter}": (
            option.annotation,
            Field(alias=option.name) if option.required else Field(default=None, alias=option.name),
        )
        for option in options
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, regex_engine="python-re")
    try:
        model = create_model(name, __config__=config, **fields)
    except PydanticUserError as error:
        raise SignatureError(f"its types cannot be read: {error.message}") from error
    schema = _json_schema(model)
    for option in options:
        known = schema["properties"].get(option.name)
        if known is not None:
            known.pop("title", None)
            known.pop("default", None)
            if option.help:
                known["description"] = option.help
            if option.shown_default:
                known["default"] = option.shown_default
    if takes_value:
        schema = {**schema["properties"][VALUE], "$defs": schema.get("$defs", {})}
    return Signature(summary, details, options, takes_value, takes_registry, model, schema)


def _json_schema(model: type[BaseModel]) -> JsonSchema:
    try:
        schema = model.model_json_schema()
    except PydanticUserError:  # a type of an extension's own: anything may stand there
        schema = {"type": "object", "properties": {each.alias: {} for each in model.model_fields.values()}}
    schema.pop("title", None)
    schema.setdefault("properties", {})
    for nested in _models(model):
        inner = schema.get("$defs", {}).get(nested.__name__, {})
        inner.pop("title", None)
        for name, about in nested.model_fields.items():
            known = inner.get("properties", {}).get(about.alias or name)
            if known is not None:
                known.pop("title", None)
                known.pop("default", None)
                default = _NOTHING if about.is_required() else about.get_default(call_default_factory=True)
                if show(default, _annotated(about)):
                    known["default"] = show(default, _annotated(about))
    schema["additionalProperties"] = False
    return schema


def _annotated(about: FieldInfo) -> Any:
    annotation: Any = about.annotation
    for each in about.metadata:
        annotation = Annotated[annotation, each]
    return annotation


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The models that the fields of `model` refer to, at any depth."""
    seen: set[type[BaseModel]] = set()
    waiting: list[Any] = [about.annotation for about in model.model_fields.values()]
    while waiting:
        each = waiting.pop()
        waiting.extend(get_args(each))
        if inspect.isclass(each) and issubclass(each, BaseModel) and each not in seen:
            seen.add(each)
            yield each
            waiting.extend(about.annotation for about in each.model_fields.values())


def _leaves(place: str, schema: JsonSchema, node: Node, root: JsonSchema) -> Iterator[tuple[str, JsonSchema, Text]]:
    schema = branch(schema, node, root)
    if isinstance(node, Text):
        if schema.get("type") == "array":
            schema = branch(schema.get("items", {}), node, root)
        yield place, schema, node
    elif isinstance(node, Entries):
        properties: Mapping[str, JsonSchema] = schema.get("properties", {})
        rest = schema.get("additionalProperties", {})
        names: JsonSchema = schema.get("propertyNames", {})
        for key, value in node.entries:
            if names:
                yield place, names, key
            inner = resolve(properties.get(key.text, rest if isinstance(rest, dict) else {}), root)
            yield from _leaves(f"{place}.{key.text}" if place else key.text, inner, value, root)
    else:
        inner = schema.get("items", {}) if schema.get("type") == "array" else {}
        for item in node.items:
            yield from _leaves(place, inner, item, root)


def read_docstring(text: str) -> tuple[str, str, dict[str, str]]:
    """The first paragraph, the rest before `Args:`, and each argument's text, of a docstring in Google's style."""
    description, _, rest = text.partition("\nArgs:\n")
    summary, _, details = description.strip().partition("\n\n")
    arguments: dict[str, str] = {}
    name, indent = "", 0
    for line in rest.splitlines():
        body = line.strip()
        depth = len(line) - len(line.lstrip())
        if body and depth == 0:
            break
        found = _ARGUMENT.match(body)
        if found is not None and (not name or depth <= indent):
            name, indent = found.group(1), depth
            arguments[name] = found.group(2)
        elif name and body:
            arguments[name] = f"{arguments[name]} {body}".strip()
    return " ".join(summary.split()), details.strip(), arguments


def show(value: Any, annotation: Any = None) -> str:
    """A default as it would be written in YAML; empty for what has no notation (none, absent)."""
    if value is _NOTHING or value is None or value == () or isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        return show_duration(value)
    if isinstance(value, int) and annotation == Size:
        return show_size(value)
    if isinstance(value, list | tuple | frozenset | set):
        return "[" + ", ".join(show(each) for each in value) + "]" if value else ""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {show(each)}" for key, each in value.items()) + "}" if value else ""
    return str(value)


def show_duration(value: timedelta) -> str:
    """`timedelta(hours=24)` as `24h`: in the largest unit that fits, days from two on."""
    total = round(value.total_seconds() * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if total and total % size == 0 and not (unit == "d" and total < 2 * size):
            return f"{total // size}{unit}"
    return f"{total}ms" if total else "0s"


def show_size(value: int) -> str:
    """`16777216` as `16MB`."""
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if value and value % size == 0:
            return f"{value // size}{unit}"
    return str(value)
