"""What shows there are, who follows them and who watched what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.core.validators import RegexValidator
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from tvshows.titles import normalise

AUTOMATIC_SOURCES = ("plex",)


class TVShowQuerySet(models.QuerySet["TVShow"]):
    """Shows."""

    def with_stale_titles(self) -> Self:
        """Shows that were added or renamed since their titles were last written for matching."""
        return self.exclude(title=F("indexed_title"))

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete shows and what people watched of them, while nobody marks an episode."""
        opened = connections[self.db]
        with transaction.atomic(using=self.db):
            if opened.vendor == "postgresql":
                # First wait for whoever writes a show's row, which is done before a person's row of it is taken; but
                # keep nobody from referring to the show (no_key), who may hold such a row already. On SQLite each
                # transaction has the database to itself.
                shows = TVShow.objects.filter(pk__in=list(self.values_list("pk", flat=True)))
                list(shows.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
                opened.cursor().execute("LOCK TABLE tracked_shows IN EXCLUSIVE MODE")
            return super().delete()

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


class TVShow(models.Model):
    """A show of the catalogue. Title and year are evidence, never an identity: two shows may share both."""

    class Source(models.TextChoices):
        MANUAL = "manual", "by hand"
        PLEX = "plex", "Plex"
        IMPORT = "import", "import"

    class Airing(models.TextChoices):
        UNKNOWN = "", "unknown"
        PLANNED = "planned", "planned"
        RETURNING = "returning", "returning"
        ENDED = "ended", "ended"
        CANCELED = "canceled", "canceled"

    title = models.CharField(max_length=255)
    original_title = models.CharField(max_length=255, blank=True, default="", db_default="")
    show_start_date = models.DateField("first aired", null=True, blank=True)
    tmdb_id = models.PositiveIntegerField("TMDB id", null=True, blank=True, unique=True)
    tvdb_id = models.PositiveIntegerField("TVDB id", null=True, blank=True, unique=True)
    imdb_id = models.CharField(
        "IMDb id", max_length=16, null=True, blank=True, unique=True, default=None,
        validators=[RegexValidator(r"^tt[0-9]{5,12}$", "An IMDb id is tt and digits, such as tt11280740.")],
    )
    overview = models.TextField(blank=True, default="", db_default="")
    poster = models.CharField(max_length=255, blank=True, default="", db_default="", help_text="Address or TMDB path.")
    network = models.CharField(max_length=100, blank=True, default="", db_default="")
    airing = models.CharField(max_length=16, choices=Airing, blank=True, default="", db_default="")
    plex_synced = models.BooleanField(default=False, db_default=False)
    plex_last_sync = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=16, choices=Source, default=Source.MANUAL, db_default="manual")
    # The title when its ShowTitle rows were last written: where it differs, also after a change by SQL, they are stale.
    indexed_title = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    refreshed_at = models.DateTimeField("episodes last refreshed", null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TVShowQuerySet.as_manager()

    class Meta:
        db_table = "tvshows"
        verbose_name = "show"
        ordering = ["title", "show_start_date"]
        constraints = [models.CheckConstraint(condition=~Q(imdb_id=""), name="tvshows_imdb_id_not_empty")]
        indexes = [
            models.Index(fields=["plex_synced"], condition=Q(plex_synced=True), name="idx_tvshows_plex_synced"),
            models.Index(fields=["id"], condition=~Q(title=F("indexed_title")), name="idx_tvshows_stale_titles"),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.year})" if self.year else self.title

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        """Delete it as several are."""
        del args, kwargs
        return TVShow.objects.filter(pk=self.pk).delete()

    @property
    def year(self) -> int | None:
        """The year in which the show began."""
        return self.show_start_date.year if self.show_start_date else None


class ShowTitle(models.Model):
    """A title that a show goes by; matching reads these alone."""

    class Kind(models.TextChoices):
        MAIN = "main", "main title"
        ORIGINAL = "original", "original title"
        ALTERNATIVE = "alternative", "alternative title"
        PERSON = "person", "given by a person"

    show = models.ForeignKey(TVShow, models.CASCADE, related_name="titles")
    title = models.CharField(max_length=255)
    normalised = models.CharField(max_length=255, editable=False)
    kind = models.CharField(max_length=16, choices=Kind, default=Kind.PERSON)

    class Meta:
        db_table = "tvshow_titles"
        verbose_name = "title"
        constraints = [models.UniqueConstraint(fields=["show", "title"], name="tvshow_titles_show_title")]
        indexes = [
            models.Index(fields=["normalised"], name="idx_tvshow_titles_normalised"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: object, **kwargs: object) -> None:
        """Save it together with its comparable form."""
        self.normalised = normalise(self.title).text
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class EpisodeQuerySet(models.QuerySet["Episode"]):
    """Episodes, found by what a player may say of them."""

    def regular(self) -> Self:
        """Without season 0, the specials."""
        return self.exclude(season_number=0)

    def aired(self, today: date) -> Self:
        """Those that have aired, as far as is known."""
        return self.filter(Q(air_date__isnull=True) | Q(air_date__lte=today))

    def up_to(self, last: Episode) -> Self:
        """An episode and the show's others before it; of a special the specials before it."""
        numbers = Q(season_number=last.season_number, episode_number__lte=last.episode_number)
        earlier = Q(season_number__gt=0, season_number__lt=last.season_number)
        return self.filter(numbers | earlier, show=last.show_id)


class Episode(models.Model):
    """An episode; season 0 holds the specials."""

    show = models.ForeignKey(TVShow, models.CASCADE, related_name="episodes")
    season_number = models.PositiveIntegerField("season")
    episode_number = models.PositiveIntegerField("episode")
    title = models.CharField(max_length=255, blank=True, default="", db_default="")
    air_date = models.DateField(null=True, blank=True)
    runtime = models.PositiveIntegerField(null=True, blank=True, help_text="Minutes.")
    tmdb_id = models.PositiveBigIntegerField("TMDB id", null=True, blank=True)
    tvdb_id = models.PositiveBigIntegerField("TVDB id", null=True, blank=True)
    imdb_id = models.CharField("IMDb id", max_length=16, blank=True, default="", db_default="")

    objects = EpisodeQuerySet.as_manager()

    class Meta:
        db_table = "tvshow_episodes"
        ordering = ["season_number", "episode_number"]
        constraints = [
            models.UniqueConstraint(fields=["show", "season_number", "episode_number"], name="tvshow_episodes_number"),
        ]
        indexes = [
            models.Index(fields=["tmdb_id"], condition=Q(tmdb_id__isnull=False), name="idx_tvshow_episodes_tmdb"),
            models.Index(fields=["tvdb_id"], condition=Q(tvdb_id__isnull=False), name="idx_tvshow_episodes_tvdb"),
            models.Index(fields=["imdb_id"], name="idx_tvshow_episodes_imdb"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.title}".strip()

    @property
    def code(self) -> str:
        """S02E05."""
        return f"S{self.season_number:02}E{self.episode_number:02}"


class Viewer(models.Model):
    """What a person chose about their own list."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="viewer", primary_key=True)
    records_rewatches = models.BooleanField(
        default=False, db_default=False,
        help_text="Count a viewing again when it is more than 4 hours from the others.",
    )
    time_zone = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Such as Europe/Berlin.",
    )

    class Meta:
        db_table = "viewers"

    def __str__(self) -> str:
        return str(self.user)


# Plain SQL, because Django takes 2.5 ms to write this and it runs with every tick.
# A play is looked up for each episode, so that no planner begins with all that the person ever watched.
_PLAYS = "FROM watches w WHERE w.episode_id = e.id AND w.user_id = tracked_shows.user_id AND w.removed_at IS NULL"
_EPISODES = f"""
SELECT e.runtime, CASE WHEN e.season_number <> 0 THEN 1 ELSE 0 END AS counts, (SELECT COUNT(*) {_PLAYS}) AS plays,
  (SELECT MAX(CASE WHEN w.removed_at IS NULL THEN w.watched_at END) {_PLAYS}) AS played_at
FROM tvshow_episodes e WHERE e.show_id = tracked_shows.show_id
LIMIT 1000000000
"""  # noqa: S608
# Why MAX(CASE …): for MAX(w.watched_at) SQLite would walk through all that the person, or anybody, ever watched.
# Why the LIMIT: without it both engines look a play up again wherever it is used.
_SEEN = "COALESCE(SUM(CASE WHEN plays > 0 THEN counts ELSE 0 END), 0)"
_ENDED = "SELECT 1 FROM tvshows s WHERE s.id = tracked_shows.show_id AND s.airing IN ('ended', 'canceled')"
_RECOUNT = f"""
UPDATE tracked_shows SET updated_at = %s, (watched_episodes, total_minutes, last_watched_at, status) = (
  SELECT {_SEEN}, COALESCE(SUM(runtime * plays), 0), MAX(played_at),
    CASE WHEN tracked_shows.status <> 'dropped' AND {_SEEN} >= NULLIF(SUM(counts), 0) AND EXISTS ({_ENDED})
      THEN 'completed' ELSE tracked_shows.status END
  FROM ({_EPISODES}) AS of_the_show
)
"""  # noqa: S608  (all made of the constants above)


def _recount(which: str, values: Sequence[Any], now: datetime, using: str) -> int:
    """Set the totals of the rows whose ids `which` selects."""
    opened = connections[using]
    with opened.cursor() as cursor:
        updated_at = opened.ops.adapt_datetimefield_value(now)
        cursor.execute(f"{_RECOUNT} WHERE id IN ({which})", [updated_at, *values])
        return int(cursor.rowcount)


class TrackedShowQuerySet(models.QuerySet["TrackedShow"]):
    """People's shows."""

    def recount(self, now: datetime) -> int:
        """Set the totals from the watches, and `completed` where an ended show is all watched.

        Specials count towards the minutes and not towards the episodes. A show that was dropped stays so.
        """
        try:
            which, values = self.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            return 0
        return _recount(which, values, now, self.db)


class TrackedShow(models.Model):
    """A show on a person's list. Its row is the lock under which that person's watches of the show change."""

    class Status(models.TextChoices):
        WATCHING = "watching", "watching"
        COMPLETED = "completed", "completed"
        ON_HOLD = "on_hold", "on hold"
        DROPPED = "dropped", "dropped"
        PLAN_TO_WATCH = "plan_to_watch", "plan to watch"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="tracked_shows")
    show = models.ForeignKey(TVShow, models.CASCADE, related_name="tracked_by")
    status = models.CharField(max_length=16, choices=Status, default=Status.WATCHING)
    watched_episodes = models.PositiveIntegerField(default=0, editable=False)
    total_minutes = models.PositiveIntegerField(default=0, editable=False)
    last_watched_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = TrackedShowQuerySet.as_manager()

    class Meta:
        db_table = "tracked_shows"
        verbose_name = "tracked show"
        constraints = [models.UniqueConstraint(fields=["user", "show"], name="tracked_shows_user_show")]

    def __str__(self) -> str:
        return f"{self.user}: {self.show}"

    def recount(self, now: datetime) -> None:
        """Set this row's totals, as of several. This object stays as it was read."""
        _recount("%s", [self.pk], now, self._state.db or DEFAULT_DB_ALIAS)


class WatchQuerySet(models.QuerySet["Watch"]):
    """Viewings."""

    def live(self) -> Self:
        """Those that were not unticked."""
        return self.filter(removed_at__isnull=True)

    def removed(self) -> Self:
        """Those that a person unticked; kept, so that no automatic source ticks them again."""
        return self.filter(removed_at__isnull=False)


class Watch(models.Model):
    """One person saw one episode at one time. `play` is 1 for the first viewing, 2 for the next."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="watches")
    episode = models.ForeignKey(Episode, models.CASCADE, related_name="watches", db_index=False)
    play = models.PositiveSmallIntegerField(default=1)
    watched_at = models.DateTimeField()
    source = models.CharField(max_length=16, choices=TVShow.Source, default=TVShow.Source.MANUAL)
    # The source's own reference to what it took for this show, so that a wrong match can be moved as a whole.
    source_ref = models.CharField(max_length=64, blank=True, default="", db_default="")
    removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = WatchQuerySet.as_manager()

    class Meta:
        db_table = "watches"
        verbose_name_plural = "watches"
        ordering = ["-watched_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "episode", "play"], condition=Q(removed_at__isnull=True),
                name="watches_user_episode_play",
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-watched_at"], name="idx_watches_user_time"),
            models.Index(fields=["-watched_at"], name="idx_watches_time"),
            models.Index(fields=["episode", "user"], name="idx_watches_episode_user"),
            models.Index(fields=["source_ref"], condition=~Q(source_ref=""), name="idx_watches_source_ref"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.episode} ({self.watched_at:%Y-%m-%d})"
