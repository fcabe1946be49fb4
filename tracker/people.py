"""The people of this tracker: who they are, what they watched lately in numbers, and what the others may do to them.

No administrator types another's password: a person sets it by a link that works once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from rest_framework.authtoken.models import Token

from plex_integration import accounts, repairs
from plex_integration.models import PlexAccount, PlexConfig
from tvshows.models import TrackedShow, Watch

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


class LastAdministrator(Exception):  # noqa: N818  (who they are)
    """Nobody else could run the tracker: the message says so, for a person."""

    def __init__(self, who: User) -> None:
        super().__init__(f"{who} is the only one who runs this tracker. Let somebody else run it first.")


@dataclass(frozen=True, slots=True)
class Belongings:
    """What is deleted with a person, and what is left without an owner."""

    watches: int
    shows: int
    has_token: bool
    accounts: Sequence[PlexAccount]  # stay, linked to nobody
    connection: PlexConfig | None


def everybody(*, now: datetime) -> QuerySet[User]:
    """All people by name, with `week`, `month` and `episodes` watched, when last, and their Plex accounts."""
    linked = Prefetch("plex_accounts", PlexAccount.objects.order_by("title", "pk"))
    return User.objects.order_by(F("is_active").desc(), "username").prefetch_related(linked).annotate(
        week=_watched(now - WEEK), month=_watched(now - MONTH), episodes=_episodes(), last_watched=_last(),
    )


def _watched(since: datetime) -> Coalesce:
    """How many viewings since then: a range of the index by person and time."""
    mine = Watch.objects.live().filter(user=OuterRef("pk"), watched_at__gte=since).order_by()
    return Coalesce(Subquery(mine.values("user").annotate(number=Count("pk")).values("number"), IntegerField()), 0)


def _episodes() -> Coalesce:
    mine = TrackedShow.objects.filter(user=OuterRef("pk")).order_by()
    return Coalesce(Subquery(mine.values("user").annotate(number=Sum("watched_episodes")).values("number")), 0)


def _last() -> Subquery:
    mine = Watch.objects.live().filter(user=OuterRef("pk")).order_by("-watched_at")
    return Subquery(mine.values("watched_at")[:1])


def password_link(user: User) -> str:
    """The path under which this person, and nobody who is not handed it, sets a password: once, and for three days."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("password-set", args=[uid, default_token_generator.make_token(user)])


def add(*, username: str, runs_it: bool) -> User:
    """A new person, who cannot sign in until they set a password."""
    user = User(username=username, is_staff=runs_it, is_superuser=runs_it)
    user.set_unusable_password()
    user.save()
    return user


def rename(user: User, username: str) -> None:
    """Give a person another name."""
    User.objects.filter(pk=user.pk).update(username=username)


@transaction.atomic
def let_run(user: User, *, runs_it: bool) -> None:
    """Whether a person runs the tracker: its settings, its questions and its people. Raises LastAdministrator."""
    if not runs_it:
        _require_another(user)
    User.objects.filter(pk=user.pk).update(is_staff=runs_it, is_superuser=runs_it)


@transaction.atomic
def let_in(user: User, *, is_active: bool) -> None:
    """Whether a person may sign in; if not, their sessions and their API token are refused at once. Raises
    LastAdministrator.
    """
    if not is_active:
        _require_another(user)
    User.objects.filter(pk=user.pk).update(is_active=is_active)


def belongings(user: User) -> Belongings:
    """What deleting a person would take along."""
    return Belongings(
        watches=Watch.objects.live().filter(user=user).count(), shows=TrackedShow.objects.filter(user=user).count(),
        has_token=Token.objects.filter(user=user).exists(), accounts=list(user.plex_accounts.order_by("title", "pk")),
        connection=PlexConfig.objects.filter(user=user).first(),
    )


@transaction.atomic
def delete(user: User) -> None:
    """Delete a person with their list; their Plex accounts stay, linked to nobody. Raises LastAdministrator."""
    _require_another(user)
    user.delete()


def _require_another(user: User) -> None:
    """Somebody else who is let in and runs the tracker, held until the transaction ends: two administrators who demote
    each other at once would leave nobody.
    """
    running = User.objects.select_for_update().filter(is_active=True, is_superuser=True).order_by("pk")
    others = [one.pk for one in running if one.pk != user.pk]
    if not others:
        raise LastAdministrator(user)


def link(account: PlexAccount, user: User, *, run_again: bool, now: datetime) -> int:
    """Say that a Plex account is this person's. Says how many plays that were set aside before are run again."""
    accounts.link(account, user_id=user.pk)
    return repairs.replay_many(repairs.set_aside_of(account), now=now).done if run_again else 0


def unlink(account: PlexAccount) -> None:
    """Say that a Plex account is nobody's; what was ticked off stays."""
    accounts.link(account, user_id=None)


def accounts_of_others(user: User) -> QuerySet[PlexAccount]:
    """The Plex accounts that could be this person's: linked to nobody, or to somebody else."""
    others = PlexAccount.objects.filter(Q(user__isnull=True) | ~Q(user=user))
    return others.select_related("user").order_by("title", "pk")
