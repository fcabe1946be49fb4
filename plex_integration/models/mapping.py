"""Which show of the tracker a Plex show is."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.db.models.deletion import Collector
from django.db.models.functions import Now

from tvshows import rows
from tvshows.models import TVShow

# GUIDs that mean nothing outside their server: Plex itself has no match for these.
_GLOBAL_GUID = ~Q(plex_guid="") & ~Q(plex_guid__startswith="local://") & ~Q(plex_guid__contains=".none://")


def stays_gone(collector: Collector, field: models.Field[Any, Any], rows: Any, using: str | None) -> None:
    """on_delete: a show that a person deletes stays gone, until they say otherwise on the mapping."""
    del using
    sync: Any = field.model._meta.get_field("sync_enabled")
    off = False
    collector.add_field_update(field, None, rows)
    collector.add_field_update(sync, off, rows)


# Plain SQL, like the other queries that each event costs (see accounts.py). Sorted later: a planner that is asked for
# an order may read the whole table for it. A key that an event lacks is NULL here, and so is nobody's.
_ABOUT = """
SELECT mapping.*, show.title AS show_title, show.show_start_date AS show_start
FROM plex_show_mappings AS mapping LEFT JOIN tvshows AS show ON show.id = mapping.tvshow_id
WHERE mapping.plex_show_key IN (%(key)s, '') OR mapping.plex_guid = %(guid)s
OR (mapping.plex_rating_key = %(rating_key)s AND mapping.plex_server_uuid IN (%(server)s, ''))
"""
_NAME_OF_SHOW = ("id", "title", "show_start_date")


class PlexShowMappingQuerySet(models.QuerySet["PlexShowMapping"]):
    """Mappings."""

    def about(self, show_key: str, server: str, rating_key: str, guid: str) -> list[PlexShowMapping]:
        """Whatever may be the mapping of a Plex show, by id; rows written by SQL have no show key yet. `guid` only
        where it is global. The show of each is there without a query, as far as its name goes.
        """
        named = {"key": show_key, "server": server, "rating_key": rating_key or None, "guid": guid or None}
        found = rows.read(PlexShowMapping, _ABOUT, named)
        for row in found:
            if row.tvshow_id:
                name = row.tvshow_id, vars(row)["show_title"], vars(row)["show_start"]
                row.tvshow = TVShow.from_db(self.db, _NAME_OF_SHOW, name)
        return sorted(found, key=lambda row: row.pk)

    def unmapped(self) -> Self:
        """Plex shows that wait for a decision, were ignored, or lost their show."""
        return self.filter(tvshow__isnull=True)

    def waiting(self) -> Self:
        """Plex shows that wait for a decision."""
        return self.unmapped().filter(sync_enabled=True)

    def set_aside(self) -> Self:
        """Plex shows that a person ignored, or whose show they deleted."""
        return self.unmapped().filter(sync_enabled=False)


class PlexShowMapping(models.Model):
    """A Plex show and its show here: none while it waits for a decision; none with sync off when set aside."""

    class Method(models.TextChoices):
        TMDB = "tmdb_id", "TMDB id"
        TVDB = "tvdb_id", "TVDB id"
        IMDB = "imdb_id", "IMDb id"
        TITLE = "title_year", "title and year"
        MANUAL = "manual", "by hand"

    plex_show_key = models.CharField(max_length=512, blank=True, default="", db_default="", editable=False)
    plex_server_uuid = models.CharField(max_length=64, blank=True, default="", db_default="")
    plex_rating_key = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_guid = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_title = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_year = models.IntegerField(null=True, blank=True)
    tvdb_id = models.IntegerField(null=True, blank=True)
    imdb_id = models.CharField(max_length=16, blank=True, default="", db_default="")
    tmdb_id = models.IntegerField(null=True, blank=True)
    tvshow = models.ForeignKey(
        TVShow, stays_gone, null=True, blank=True, related_name="plex_mappings", verbose_name="show",
    )
    match_confidence = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    # NULL and not '' while there is no match: the CHECK is the fix report's, word for word.
    match_method = models.CharField(max_length=16, choices=Method, null=True, blank=True)  # noqa: DJ001
    manually_confirmed = models.BooleanField(default=False, db_default=False)
    sync_enabled = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = PlexShowMappingQuerySet.as_manager()

    class Meta:
        db_table = "plex_show_mappings"
        verbose_name = "mapping"
        ordering = ["plex_title", "plex_year", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["plex_show_key"], condition=~Q(plex_show_key=""), name="plex_show_mappings_show_key",
            ),
            models.UniqueConstraint(fields=["plex_guid"], condition=_GLOBAL_GUID, name="plex_show_mappings_guid"),
            models.UniqueConstraint(
                fields=["plex_server_uuid", "plex_rating_key"], condition=~Q(plex_rating_key=""),
                name="plex_show_mappings_rating_key",
            ),
            models.CheckConstraint(
                condition=Q(match_method__in=["tmdb_id", "tvdb_id", "imdb_id", "title_year", "manual"]),
                name="plex_show_mappings_match_method_check",
            ),
        ]
        indexes = [
            models.Index(fields=["plex_rating_key"], name="idx_plex_mappings_rating_key"),
            # Beside the unique one, which is partial: SQLite cannot see that a value which is bound later fits.
            models.Index(fields=["plex_guid"], name="idx_plex_mappings_guid"),
            models.Index(fields=["plex_show_key"], name="idx_plex_mappings_show_key"),
            models.Index(fields=["tmdb_id"], condition=Q(tmdb_id__isnull=False), name="idx_plex_mappings_tmdb"),
            models.Index(fields=["tvdb_id"], condition=Q(tvdb_id__isnull=False), name="idx_plex_mappings_tvdb"),
            models.Index(fields=["imdb_id"], condition=~Q(imdb_id=""), name="idx_plex_mappings_imdb"),
            models.Index(
                fields=["sync_enabled"], condition=Q(sync_enabled=True), name="idx_plex_mappings_sync_enabled",
            ),
        ]

    def __str__(self) -> str:
        year = f"({self.plex_year})" if self.plex_year else ""
        return self.plex_title if self.plex_title.endswith(year) else f"{self.plex_title} {year}"
