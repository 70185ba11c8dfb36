"""Groups of commands whose modules are loaded only when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from difflib import get_close_matches

import click


class LazyGroup(click.Group):
    """Commands by name with what each does; `module` is where the rest of one is, `{}` standing for its name."""

    commands_there_are: Mapping[str, str]
    module: str

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the help."""
        return list(self.commands_there_are)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, None when there is none."""
        if cmd_name not in self.commands_there_are:
            return None
        found = importlib.import_module(self.module.format(cmd_name)).command
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with, or what else may have been meant."""
        if args and args[0] not in self.commands_there_are and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.commands_there_are, 1)
            hint = f"did you mean `{ctx.command_path} {near[0]}`?" if near else f"see `{ctx.command_path} --help`"
            ctx.fail(f"there is no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, loading none."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.commands_there_are.items()))
