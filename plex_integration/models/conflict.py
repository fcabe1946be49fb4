"""Plex shows that wait for a person to say which show they are."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from tvshows.models import TVShow


class PlexConflictQuerySet(models.QuerySet["PlexConflict"]):
    """Conflicts."""

    def open(self) -> Self:
        """Those that wait for a person."""
        return self.filter(resolved=False)


class PlexConflict(models.Model):
    """A question for a person: which show is this? At most one is open for a Plex show."""

    class Kind(models.TextChoices):
        MULTIPLE = "multiple_matches", "several shows fit"
        NONE = "no_match", "no show fits"
        AMBIGUOUS = "ambiguous", "one show may fit"

    class Resolution(models.TextChoices):
        SELECTED = "user_selected", "a person chose"
        CREATED = "user_created_new", "a person made a new show"
        AUTO = "auto_resolved", "settled by itself"
        IGNORED = "ignored", "ignored"
        # Two spellings that older rows may hold.
        SELECTED_BEFORE = "selected", "a person chose (older)"
        CREATED_BEFORE = "create_new", "a person made a new show (older)"

    plex_show_key = models.CharField(max_length=512, blank=True, default="", db_default="", editable=False)
    plex_server_uuid = models.CharField(max_length=64, blank=True, default="", db_default="")
    plex_rating_key = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_guid = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_title = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_year = models.IntegerField(null=True, blank=True)
    conflict_type = models.CharField(max_length=20, choices=Kind)
    # [{tvshow_id, title, year, tmdb_id, tvdb_id, imdb_id, match_score, method, reasons: [{sign, text}]}], best first
    potential_matches = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    # What the event said of the show: {titles, year, ids: {source: value}, season, episode, episode_title, air_date}
    evidence = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    evaluated_at = models.DateTimeField(db_default=Now())
    resolved = models.BooleanField(default=False, db_default=False)
    resolved_tvshow = models.ForeignKey(TVShow, models.SET_NULL, null=True, blank=True, related_name="+")
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    # NULL and not '' while it is open: the CHECK is the fix report's, word for word.
    resolution_action = models.CharField(max_length=20, choices=Resolution, null=True, blank=True)  # noqa: DJ001
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PlexConflictQuerySet.as_manager()

    class Meta:
        db_table = "plex_conflicts"
        verbose_name = "conflict"
        ordering = ["resolved", "-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["plex_show_key"], condition=Q(resolved=False) & ~Q(plex_show_key=""),
                name="plex_conflicts_one_open",
            ),
            models.CheckConstraint(
                condition=Q(resolution_action__in=[
                    "user_selected", "user_created_new", "auto_resolved", "ignored", "selected", "create_new",
                ]),
                name="plex_conflicts_resolution_action_check",
            ),
        ]
        indexes = [
            models.Index(
                fields=["resolved", "-created_at"], condition=Q(resolved=False), name="idx_plex_conflicts_unresolved",
            ),
        ]

    def __str__(self) -> str:
        year = f"({self.plex_year})" if self.plex_year else ""
        return self.plex_title if self.plex_title.endswith(year) else f"{self.plex_title} {year}"
