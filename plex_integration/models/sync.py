"""What the library sync knows of the server's items, how far it has read, and its runs."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from plex_integration.models.config import PlexConfig
from plex_integration.models.mapping import PlexShowMapping
from tvshows.models import Episode


class PlexEpisodeQuerySet(models.QuerySet["PlexEpisode"]):
    """Episodes as the server has them."""

    def present(self) -> Self:
        """Those that the server still has."""
        return self.filter(removed_at__isnull=True)

    def on(self, server: str) -> Self:
        """Those of one server."""
        return self.filter(server_uuid=server)


class PlexEpisode(models.Model):
    """What a Plex server said last of an episode of its library, and which one it is here."""

    server_uuid = models.CharField(max_length=64)
    rating_key = models.CharField(max_length=64)
    show_rating_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    section_key = models.CharField(max_length=32, blank=True, default="", db_default="")
    mapping = models.ForeignKey(
        PlexShowMapping, models.SET_NULL, null=True, blank=True, related_name="plex_episodes",
    )
    episode = models.ForeignKey(Episode, models.SET_NULL, null=True, blank=True, related_name="plex_episodes")
    season_number = models.PositiveIntegerField("season", null=True, blank=True)
    episode_number = models.PositiveIntegerField("episode number", null=True, blank=True)
    last_number = models.PositiveIntegerField(null=True, blank=True)  # of the episodes in its file, if several
    title = models.CharField(max_length=255, blank=True, default="", db_default="")
    file_path = models.TextField(blank=True, default="", db_default="")
    plex_updated_at = models.BigIntegerField(null=True, blank=True)  # seconds since 1970, as Plex writes it
    view_count = models.PositiveIntegerField(default=0, db_default=0)  # of the account that the token belongs to
    last_viewed_at = models.BigIntegerField(null=True, blank=True)  # likewise in seconds
    waits = models.BooleanField(default=False, db_default=False)  # its show was not known when it was read
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = PlexEpisodeQuerySet.as_manager()

    class Meta:
        db_table = "plex_episodes"
        verbose_name = "episode in Plex"
        verbose_name_plural = "episodes in Plex"
        constraints = [
            models.UniqueConstraint(fields=["server_uuid", "rating_key"], name="plex_episodes_rating_key"),
        ]
        indexes = [
            models.Index(fields=["server_uuid", "show_rating_key"], name="idx_plex_episodes_show"),
            models.Index(fields=["server_uuid"], condition=Q(waits=True), name="idx_plex_episodes_waits"),
        ]

    def __str__(self) -> str:
        return self.title or self.rating_key


class PlexPlay(models.Model):
    """A row of the server's history that waits until its show is known here."""

    config = models.ForeignKey(PlexConfig, models.CASCADE, related_name="waiting_plays")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    rating_key = models.CharField(max_length=64)
    show_rating_key = models.CharField(max_length=64)
    season_number = models.PositiveIntegerField("season", null=True, blank=True)
    episode_number = models.PositiveIntegerField("episode number", null=True, blank=True)
    viewed_at = models.BigIntegerField()

    class Meta:
        db_table = "plex_plays"
        verbose_name = "play that waits"
        verbose_name_plural = "plays that wait"
        constraints = [
            models.UniqueConstraint(fields=["config", "user", "rating_key", "viewed_at"], name="plex_plays_row"),
        ]
        indexes = [models.Index(fields=["config", "show_rating_key"], name="idx_plex_plays_show")]

    def __str__(self) -> str:
        return f"{self.user}: {self.rating_key}"


class SyncCursorQuerySet(models.QuerySet["SyncCursor"]):
    """How far the streams were read."""

    def rewind_history(self, config_id: int) -> None:
        """Have the next run read the history from the beginning: more of it counts than before."""
        self.filter(config=config_id, section_key="").update(viewed_since=0)


class SyncCursor(models.Model):
    """How far a stream was read: a section's items, or with no section the server's history. Times as Plex's."""

    config = models.ForeignKey(PlexConfig, models.CASCADE, related_name="sync_cursors")
    server_uuid = models.CharField(max_length=64)
    section_key = models.CharField(max_length=32, blank=True, default="", db_default="")
    offset = models.PositiveIntegerField(default=0)  # items of a first pass that is not finished
    complete = models.BooleanField(default=False)  # whether a first pass is
    changed_since = models.BigIntegerField(default=0)  # updatedAt
    viewed_since = models.BigIntegerField(default=0)  # lastViewedAt; of the history, viewedAt
    content_changed_at = models.BigIntegerField(default=0)
    checked_at = models.DateTimeField(null=True, blank=True)  # when what vanished was last looked for

    objects = SyncCursorQuerySet.as_manager()

    class Meta:
        db_table = "plex_sync_cursors"
        constraints = [
            models.UniqueConstraint(fields=["config", "server_uuid", "section_key"], name="plex_sync_cursors_stream"),
        ]

    def __str__(self) -> str:
        return self.section_key or "history"


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    """Runs."""

    def running(self) -> Self:
        """That which is under way, or died meanwhile."""
        return self.filter(status=SyncRun.Status.RUNNING)

    def lost(self, now: datetime) -> Self:
        """Those whose process ended without saying so."""
        return self.running().filter(lease_until__lt=now)


class SyncRun(models.Model):
    """One run of the library sync. While it runs its row is the lock, by a lease, and tells how far it is."""

    class Status(models.TextChoices):
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        LOST = "lost", "interrupted"

    class Scope(models.TextChoices):
        ALL = "all", "everything"
        HISTORY = "history", "what was watched"
        SHOW = "show", "one show"

    config = models.ForeignKey(PlexConfig, models.CASCADE, related_name="sync_runs")
    scope = models.CharField(max_length=16, choices=Scope, default=Scope.ALL)
    title = models.CharField(max_length=255, blank=True, default="", db_default="")  # of the one show
    year = models.IntegerField(null=True, blank=True)
    older = models.BooleanField(default=False)  # what was watched before the tracker was connected, too
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.RUNNING)
    cancel_requested = models.BooleanField(default=False)
    message = models.TextField(blank=True, default="", db_default="")
    library = models.CharField(max_length=255, blank=True, default="", db_default="")
    library_number = models.PositiveIntegerField(default=0)
    libraries = models.PositiveIntegerField(default=0)
    item = models.CharField(max_length=512, blank=True, default="", db_default="")
    position = models.PositiveIntegerField(default=0)
    items = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    processed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)
    marked = models.PositiveIntegerField(default=0)
    asked = models.PositiveIntegerField(default=0)
    unwatched = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    queries = models.PositiveIntegerField(default=0)
    details = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        db_table = "plex_sync_runs"
        verbose_name = "sync run"
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["config"], condition=Q(status="running"), name="plex_sync_runs_one"),
        ]
        indexes = [models.Index(fields=["config", "-started_at"], name="idx_plex_sync_runs_started")]

    def __str__(self) -> str:
        return f"{self.get_scope_display()} {self.started_at:%Y-%m-%d %H:%M}"
