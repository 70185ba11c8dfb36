"""`hie`: the operator's and the integration engineer's commands."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from engine.cli.lazy import LazyGroup

COMMANDS = {
    "run": "Start the site's channels.",
    "check": "Say what is wrong with a site's files.",
    "test": "Run the cases beside the channels.",
    "try": "Show the way one message would take, and why.",
    "schema": "Print the JSON Schema of channel files, for editors.",
    "reload": "Have a running engine take up changed files now.",
    "health": "Ask a running engine whether it is well.",
    "send": "Send files and print the answers.",
    "messages": "Search the journal.",
    "show": "Tell one message's whole history.",
    "replay": "Route or deliver again.",
    "settle": "Give up what waits in queues that are gone.",
    "registry": "Rosters, subscribers, providers; whose patient somebody is.",
    "notified": "Say who was told of what, and what became of it.",
    "referrals": "Where referrals stand: list, show, close.",
    "subscriptions": "List the FHIR subscriptions, and how they stand.",
    "worklist": "What waits for a person: list, show, settle.",
    "prune": "Remove settled messages that are old enough.",
    "transform": "Turn HL7 v2 into FHIR, or FHIR into HL7 v2, file by file.",
    "validate": "Check HL7 v2, FHIR and C-CDA files against the standard.",
    "direct": "Make and list Direct's keys; say whom it trusts, and why.",
    "bench": "Measure what this machine does.",
    "demo": "Play the sample site, start to end.",
}
"""Every command and what it does; the module of the same name has the rest, and is loaded only when it is called."""

_PACKAGES = ("channels", "transforms", "schemas")


class _Commands(LazyGroup):
    """`hie` itself starts at once."""

    commands_there_are = COMMANDS
    module = "engine.cli.{}_command"


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hie-engine", prog_name="hie")
def hie() -> None:
    """A health information exchange engine.

    A SITE is a folder with hie.yaml, channels/, maps/ and extensions/; where none is named it is $HIE_SITE, else
    config/. Exit status: 0 done, 1 findings or failures, 2 a wrong command line.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `hie` and exit: 0 done, 1 findings or failures, 2 usage."""
    _stand_together()
    try:
        status = hie.main(arguments, prog_name="hie", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("hie: stopped", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output, `head` for example, has seen enough
        sys.stderr.close()
        sys.exit(0)
    sys.exit(status if isinstance(status, int) else 0)


def _stand_together() -> None:
    """See that the four packages come from one place: a foreign package called `channels` must not shadow ours."""
    home = Path(__file__).resolve().parents[2]
    for name in _PACKAGES:
        found = importlib.util.find_spec(name)
        origin = found.origin if found is not None else None
        if origin is None or Path(origin).resolve().parents[1] != home:
            sys.exit(
                f"hie: the package {name!r} is {origin or 'missing'} and not the engine's own in {home}; install the "
                "engine into a virtual environment of its own"
            )
