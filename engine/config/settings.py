"""`hie.yaml`: what holds for the whole site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.config.language import keys_of
from engine.config.numbers import finding
from engine.config.options import Signature
from engine.config.tree import Entries
from engine.registry.load import MAY_VANISH
from schemas.finding import Finding
from schemas.values import Address, Duration, Listen

EMBEDDED = "embedded"
"""The backbone inside the process."""

_SQLITE = "sqlite:///"
_DEFAULT_HEALTH = Address("127.0.0.1", 8075)

Url = Annotated[str, Field(json_schema_extra={"format": "url"})]
Level = Literal["debug", "info", "warning", "error"]


class Retention(BaseModel):
    """How long settled messages are kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default: Duration = Field(timedelta(days=30), description="For channels that are not named: default 30d.")
    channels: dict[str, Duration] = Field(default_factory=dict, description="By channel: `{lab-results: 90d}`.")

    def of(self, channel: str) -> timedelta:
        """For how long the settled messages of `channel` are kept."""
        return self.channels.get(channel, self.default)


class Referrals(BaseModel):
    """After what time a referral is overdue (docs/referrals.md)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    answer: Duration = Field(timedelta(days=3), description="A request without an answer: default 3d.")
    booking: Duration = Field(timedelta(days=14), description="Accepted, and no appointment: default 14d.")
    report: Duration = Field(timedelta(days=14), description="The appointment is over, and no outcome: default 14d.")
    no_show: Duration = Field(timedelta(days=14), description="A no-show, and nothing since: default 14d.")
    confirm: Duration = Field(timedelta(days=3), description="Cancelled, and not confirmed: default 3d.")
    delivery: Duration = Field(
        timedelta(days=1), description="A message without its receipt (MDN, AA, 200): default 1d."
    )


class Health(BaseModel):
    """Where health and metrics are served over HTTP."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    listen: Listen = Field(_DEFAULT_HEALTH, description="An address, host:port. Default: 127.0.0.1:8075.")


class RegistryOptions(BaseModel):
    """How the site's rosters and directories are loaded."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    may_vanish: int = Field(
        MAY_VANISH,
        ge=0,
        le=100,
        description="Percent of a roster or directory that may leave at once. Where more would, nobody leaves until "
        "somebody confirms it; 100 for no such care.",
    )


class Log(BaseModel):
    """What is logged, and how. Patient data never is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Level = Field("info", description="The least level that is logged: debug, info, warning, error.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or JSON objects for collectors.")


@dataclass(frozen=True)
class Settings:
    """The site's settings. `journal` and `backbone` are URLs that may hold passwords: no representation shows them."""

    journal: str = field(repr=False)
    backbone: str = field(default=EMBEDDED, repr=False)
    search: Mapping[str, str] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)
    health: Health | None = field(default_factory=Health)
    log: Log = field(default_factory=Log)
    repeats: timedelta | None = None
    referrals: Referrals = field(default_factory=Referrals)
    registry: RegistryOptions = field(default_factory=RegistryOptions)


def settings(
    *,
    journal: Url = "",
    backbone: Url = EMBEDDED,
    search: Mapping[str, str] | None = None,
    retention: Retention | None = None,
    health: Health | None = Health(),  # noqa: B008 - frozen
    log: Log | None = None,
    repeats: Duration | None = None,
    referrals: Referrals | None = None,
    registry: RegistryOptions | None = None,
) -> Settings:
    """What holds for the whole site.

    Args:
        journal: Where messages are kept: `sqlite:///FILE` (relative to the site's folder) or `postgresql://...`.
            Default: `journal.db` in the folder that $HIE_DATA names, else in `var/` of the site.
        backbone: `embedded`, or `amqp://...` of a RabbitMQ that several engines share.
        search: Names under which messages are found by a path of the site's own: `{accession: OBR-3.1}`.
        retention: How long settled messages are kept.
        health: Where health and metrics are served over HTTP; `none` for nowhere.
        log: What is logged, and how.
        repeats: For how long channels that do not say it themselves acknowledge an identical repeat again without
            routing it twice; `none` for channels that do not say it.
        referrals: After what time `hie referrals` calls a referral overdue.
        registry: How the site's rosters and directories are loaded.
    """
    found = (search or {}, retention or Retention(), health, log or Log(), repeats, referrals or Referrals())
    return Settings(journal, backbone, *found, registry or RegistryOptions())


def signature() -> Signature:
    """The keys of `hie.yaml`."""
    return keys_of(settings)


def bind_settings(
    tree: Entries | None, where: str, site: Path, env: Mapping[str, str]
) -> tuple[Settings, list[Finding]]:
    """The settings that `tree` writes, with defaults for the rest; what is wrong is left at its default and found."""
    findings: list[Finding] = []
    arguments: dict[str, object] = {}
    for key, node in tree.entries if tree is not None else ():
        given, problems = signature().convert(Entries(((key, node),), key.line), site)
        arguments.update(given)
        for problem in problems:
            code = "HIE201" if problem.code == "HIE204" and problem.node is key else problem.code
            what = (
                problem.what.replace("there is no option", "hie.yaml has no key") if code == "HIE201" else problem.what
            )
            findings.append(finding(code, f"{where}:{problem.node.line or key.line}", what, problem.hint))
    made = settings(**arguments)  # type: ignore[arg-type]
    return _with_journal(made, site, env), findings


def _with_journal(made: Settings, site: Path, env: Mapping[str, str]) -> Settings:
    journal = made.journal
    if not journal:
        data = Path(env["HIE_DATA"]) if env.get("HIE_DATA") else site / "var"
        journal = f"{_SQLITE}{data.absolute() / 'journal.db'}"
    elif journal.startswith(_SQLITE) and not journal.startswith(f"{_SQLITE}/"):
        journal = f"{_SQLITE}{site.absolute() / journal.removeprefix(_SQLITE)}"
    return replace(made, journal=journal)
