"""What the commands of the sync have in common: their options, the connection, the run and how it is told."""

import gc
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from plex_integration.client import PlexServer
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.management.progress import print_table, reporting
from plex_integration.models import PlexConfig, SyncRun
from plex_integration.sync import engine
from plex_integration.sync.connection import named_server
from plex_integration.sync.engine import Wanted
from tvshows.exceptions import ServiceError

LARGEST_PAGE = 1000
YEARS = range(1880, 2201)
INTERRUPTED = 130


def page_size(text: str) -> int:
    """A number of items; argparse turns what it raises into exit status 2."""
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise ArgumentTypeError(f"{text!r} is no number from 1 to {LARGEST_PAGE}")
    return int(text)


def year(text: str) -> int:
    """A year of four digits."""
    if not text.isdecimal() or int(text) not in YEARS:
        raise ArgumentTypeError(f"{text!r} is no year")
    return int(text)


def add_connection(parser: ArgumentParser) -> None:
    """Another server, token, library or database than the saved ones."""
    parser.add_argument("--plex-url", default="", help="The server's address (PLEX_BASE_URL, else the connected one).")
    parser.add_argument("--plex-token", default="", help="A Plex token (PLEX_TOKEN, else the saved one).")
    parser.add_argument("--plex-section", default="", help="Only this library, by its key (PLEX_TV_SECTION_KEY).")
    parser.add_argument("--db-path", type=Path, help="The SQLite file that this run works on.")


def add_run(parser: ArgumentParser) -> None:
    """How a run works."""
    add_connection(parser)
    parser.add_argument("--page-size", type=page_size, default=200, help="Items of one request (%(default)s).")
    parser.add_argument(
        "--older", action="store_true", help="Also tick off what was watched before the tracker was connected.",
    )
    parser.add_argument("--dry-run", action="store_true", help="Say what would change, and write nothing.")


def add_show(parser: ArgumentParser) -> None:
    """Which show."""
    parser.add_argument("--title", required=True, help="The show's title, as Plex has it.")
    parser.add_argument("--year", type=year, help="The year in which it began, where several have the title.")


def use_database(path: Path | None) -> None:
    """Work on another SQLite file from here on. Raises CommandError."""
    if path is None:
        return
    if not settings.SQLITE:
        raise CommandError("--db-path names a SQLite file, and DATABASE_URL another kind of database.")
    if not path.is_file():
        raise CommandError(f"There is no file {path}. A database is made by `manage.py up` or `manage.py migrate`.")
    connection.close()
    connection.settings_dict["NAME"] = str(path.absolute())


def connected(options: dict[str, Any]) -> tuple[PlexConfig, PlexServer | None, str]:
    """The connection, and the server and its identifier where another one is named. Raises CommandError."""
    config = PlexConfig.objects.order_by("pk").first()
    if config is None:
        raise CommandError("There is no account yet. Open the setup link that `manage.py up` prints first.")
    url, token = options["plex_url"] or settings.PLEX_BASE_URL, options["plex_token"] or settings.PLEX_TOKEN
    try:
        named = named_server(config, url=url, token=token)
    except (PlexIntegrationError, ServiceError) as problem:
        raise CommandError(str(problem)) from None
    return config, *(named or (None, ""))


class SyncCommand(BaseCommand):
    """A command that runs the sync."""

    scope: str = SyncRun.Scope.ALL

    def handle(self, **options: Any) -> None:
        use_database(options["db_path"])
        config, server, identifier = connected(options)
        gc.freeze()  # what is here stays: looking through all of it again and again would be a tenth of the time
        try:
            with reporting(self.stdout, dry_run=options["dry_run"]) as reporter:  # type: ignore[arg-type]
                run = engine.sync(config, Wanted(
                    scope=self.scope, title=options.get("title") or "", year=options.get("year"),
                    section=options["plex_section"] or settings.PLEX_TV_SECTION_KEY, page_size=options["page_size"],
                    older=options["older"], dry_run=options["dry_run"], server=server, server_uuid=identifier,
                    reporter=reporter,
                ), now=timezone.now())
        except (PlexIntegrationError, ServiceError) as problem:
            raise CommandError(str(problem)) from None
        except KeyboardInterrupt:
            raise CommandError("Interrupted. The next run goes on from there.", returncode=INTERRUPTED) from None
        print_table(self.stdout, run)  # type: ignore[arg-type]
        if run.status != SyncRun.Status.DONE:
            raise CommandError(run.message)
        if run.message:
            self.stdout.write(run.message)
        if options["dry_run"]:
            self.stdout.write("A dry run: nothing was written.")
