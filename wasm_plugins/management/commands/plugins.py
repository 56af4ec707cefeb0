"""``manage.py plugins``: list, sync, upload, enable, disable, roll back, call and check plugins."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError

from ...exceptions import PluginError
from ..plugins import SUBCOMMANDS
from ..plugins.answer import Answer, Usage, error_data, printable_lines

FAILED: Final = 1
USAGE: Final = 2


class Command(BaseCommand):
    """Runs one subcommand and shows its answer as text, or as one JSON document with ``--json``.

    Exit status: 0 when it went well, 1 when it did not, 2 when it was called wrongly.
    """

    help = "Manage WebAssembly plugins."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the subcommands, each with ``--json``."""
        parser.called_from_command_line = False  # a wrong call raises, so that --json can say it as well
        subcommands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
        for name, module in SUBCOMMANDS.items():
            subparser = subcommands.add_parser(name, help=module.HELP, description=module.HELP)
            subparser.add_argument("--json", action="store_true", help="Answer with one JSON document.")
            module.add_arguments(subparser)

    def run_from_argv(self, argv: list[str]) -> None:
        """Run from the command line; a wrong call ends with status 2."""
        try:
            super().run_from_argv(argv)
        except CommandError as error:  # Django catches those of handle itself
            if "--json" in argv:
                self._write_json({"error": error_data("usage", error)})
            self.stderr.write(f"{error}\n{' '.join(argv[:2])} --help tells what there is.")
            sys.exit(USAGE)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the chosen subcommand."""
        as_json = options["json"]
        with self._told_errors(as_json=as_json):
            answer = SUBCOMMANDS[options["subcommand"]].run(options)
            self._show(answer, as_json=as_json)
        if answer.problem:
            raise CommandError(printable_lines(answer.problem), returncode=FAILED)

    def _show(self, answer: Answer, *, as_json: bool) -> None:
        if as_json:
            self._write_json(answer.data)
        elif answer.text:
            self.stdout.write(printable_lines(answer.text))

    def _write_json(self, data: Any) -> None:
        self.stdout.write(json.dumps(data, indent=2, cls=DjangoJSONEncoder, ensure_ascii=False))

    @contextmanager
    def _told_errors(self, *, as_json: bool) -> Iterator[None]:
        """Turn what an operator can act on into one line, and into a document with ``--json``."""
        try:
            yield
        except Usage as error:
            self._fail("usage", error, USAGE, as_json=as_json)
        except PluginError as error:
            self._fail(error.code, error, FAILED, as_json=as_json)
        except (DatabaseError, InterfaceError) as error:
            self._fail("database-error", error, FAILED, as_json=as_json)
        except Exception as error:
            if as_json:
                self._write_json({"error": error_data("internal-error", error)})
            raise

    def _fail(self, code: str, error: Exception, status: int, *, as_json: bool) -> NoReturn:
        if as_json:
            self._write_json({"error": error_data(code, error)})
        raise CommandError(printable_lines(str(error).strip()), returncode=status) from error
