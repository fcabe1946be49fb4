"""Print the files of watched episodes."""

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from plex_integration.models import PlexConfig
from plex_integration.paths import watched_files


class Command(BaseCommand):
    help = (
        "Print the local files of episodes, one a line, for scripts of yours: with --watched those that are watched. "
        "A file of several episodes is printed once all of them are. Nothing is changed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--watched", action="store_true", required=True, help="The files of watched episodes.")
        parser.add_argument("--show", default="", help="Only of this show, by its title.")
        parser.add_argument("--user", default="", help="Watched by this person (the owner of the connection).")
        parser.add_argument("-0", "--null", action="store_true", help="End each with a NUL, for xargs -0.")

    def handle(self, **options: Any) -> None:
        config = PlexConfig.objects.order_by("pk").first()
        if config is None:
            raise CommandError("There is no account yet. Open the setup link that `manage.py up` prints first.")
        user = User.objects.filter(username=options["user"]).first() if options["user"] else config.user
        if user is None:
            raise CommandError(f"Nobody here is called {options['user']}.")
        unknown = 0
        for one in watched_files(config, user_id=user.pk, show=options["show"]):
            if one.local_path is None or ("\n" in one.local_path and not options["null"]):
                unknown += 1
                continue
            self.stdout.write(one.local_path, ending="\0" if options["null"] else "\n")
        if unknown:
            self.stderr.write(f"{unknown} files were left out: no path mapping is about their folders.")
