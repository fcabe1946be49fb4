"""Say which shows of a title the Plex server has."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from plex_integration.exceptions import PlexIntegrationError
from plex_integration.management.progress import printable
from plex_integration.management.syncing import add_connection, add_show, connected, use_database
from plex_integration.sync.discovery import Discovered, discover
from tvshows.exceptions import ServiceError


class Command(BaseCommand):
    help = "Say which shows of a title the Plex server has, with their ids, and what they are here. Changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_show(parser)
        add_connection(parser)

    def handle(self, **options: Any) -> None:
        use_database(options["db_path"])
        config, server, identifier = connected(options)
        section = options["plex_section"] or settings.PLEX_TV_SECTION_KEY
        try:
            found = discover(
                config, title=options["title"], year=options["year"], section=section, server=server,
                identifier=identifier,
            )
        except (PlexIntegrationError, ServiceError) as problem:
            raise CommandError(str(problem)) from None
        if not found:
            raise CommandError(f"No show on the server is called {options['title']}.")
        for one in found:
            self._write(one)

    def _write(self, one: Discovered) -> None:
        show = one.item.found
        lines = (
            f"{show.title} ({show.year or 'year unknown'})",
            f"  library     {one.library}", f"  rating key  {show.rating_key}",
            f"  episodes    {one.item.leaves}, {one.item.viewed} watched",
            f"  GUIDs       {', '.join(filter(None, one.guids)) or 'none'}", f"  here        {one.here}",
        )
        for line in lines:
            self.stdout.write(printable(line))
