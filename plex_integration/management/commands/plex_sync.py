"""Read one show from the Plex server."""

from argparse import ArgumentParser

from plex_integration.management.syncing import SyncCommand, add_run, add_show
from plex_integration.models import SyncRun


class Command(SyncCommand):
    help = (
        "Read the shows of a title from the Plex server, with their episodes and what of them was watched. "
        "Two shows of one title are told apart by --year."
    )
    scope = SyncRun.Scope.SHOW

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_show(parser)
        add_run(parser)
