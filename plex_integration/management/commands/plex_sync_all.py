"""Read the library of the Plex server, and what was watched."""

from argparse import ArgumentParser

from plex_integration.management.syncing import SyncCommand, add_run


class Command(SyncCommand):
    help = (
        "Read the libraries of the Plex server and what was watched: all the first time, then only what changed. "
        "What was watched before the tracker was connected is left alone unless --older is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_run(parser)
