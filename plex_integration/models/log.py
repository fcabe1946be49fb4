"""Every event that Plex sent, and what became of it. The row is also the inbox from which it is worked on."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from plex_integration.models.config import PlexAccount, PlexConfig
from plex_integration.models.conflict import PlexConflict
from tvshows.models import TVShow


class PlexWebhookLogQuerySet(models.QuerySet["PlexWebhookLog"]):
    """Events."""

    def undone(self) -> Self:
        """Those that something still has to be done about, by us or by a person."""
        return self.filter(done_at__isnull=True)

    def due(self, now: datetime) -> Self:
        """Those that a worker may take up, the longest due first."""
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=now)
        return self.undone().filter(free, due_at__lte=now).order_by("due_at", "pk")

    def of_show(self, log: PlexWebhookLog) -> Self:
        """The others of the same Plex show about which something still has to be done."""
        named = self.undone().exclude(plex_show_key="")
        return named.filter(plex_show_key=log.plex_show_key).exclude(pk=log.pk)

    def waiting_for(self, conflict_id: int) -> Self:
        """Those that wait for a person's decision, oldest first."""
        return self.undone().filter(conflict=conflict_id).order_by("created_at", "pk")

    def cleanable(self, before: datetime) -> Self:
        """Finished and older than `before`: what waits for a person is never cleaned up."""
        return self.filter(done_at__isnull=False, created_at__lt=before)


class PlexWebhookLog(models.Model):
    """One webhook delivery. `status` is the verdict; due, lease and done are the state of the work."""

    class Status(models.TextChoices):
        RECEIVED = "received", "received"
        SUCCESS = "success", "success"
        FAILED = "failed", "failed"
        IGNORED = "ignored", "set aside"
        DUPLICATE = "duplicate", "duplicate"

    config = models.ForeignKey(PlexConfig, models.SET_NULL, null=True, blank=True, related_name="events")
    account = models.ForeignKey(PlexAccount, models.SET_NULL, null=True, blank=True, related_name="events")
    event_type = models.CharField(max_length=64)
    plex_show_key = models.CharField(max_length=512, blank=True, default="", db_default="")
    plex_show_guid = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_rating_key = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_title = models.CharField("show", max_length=255, blank=True, default="", db_default="")
    plex_episode_title = models.CharField("episode title", max_length=255, blank=True, default="", db_default="")
    plex_season = models.IntegerField("season", null=True, blank=True)
    plex_episode = models.IntegerField("episode", null=True, blank=True)
    payload = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))
    status = models.CharField(max_length=16, choices=Status, default=Status.RECEIVED, db_default="received")
    action_taken = models.CharField(max_length=32, blank=True, default="", db_default="")
    reason = models.TextField(blank=True, default="", db_default="")
    error_message = models.TextField(blank=True, default="", db_default="")
    processing_duration_ms = models.IntegerField(null=True, blank=True)
    tvshow = models.ForeignKey(
        TVShow, models.SET_NULL, null=True, blank=True, related_name="plex_events", verbose_name="marked in",
    )
    conflict = models.ForeignKey(PlexConflict, models.SET_NULL, null=True, blank=True, related_name="events")
    dedup_key = models.CharField(max_length=64, blank=True, default="", db_default="")
    retry_count = models.PositiveIntegerField("attempts", default=0, db_default=0)
    crash_count = models.PositiveIntegerField("workers lost", default=0, db_default=0)
    due_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField("received at", db_default=Now())

    objects = PlexWebhookLogQuerySet.as_manager()

    class Meta:
        db_table = "plex_webhook_logs"
        verbose_name = "event"
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["-created_at"], name="idx_webhook_logs_created"),
            models.Index(fields=["status"], name="idx_webhook_logs_status"),
            # Counts by time and verdict read this alone, and never a row with its payload.
            models.Index(fields=["status", "-created_at"], name="idx_webhook_logs_verdicts"),
            # What was set aside for want of a link, counted by account.
            models.Index(fields=["action_taken", "account"], name="idx_webhook_logs_aside"),
            # The filters of the activity page, each newest first; the titles also for going from one to the next.
            models.Index(fields=["account", "-created_at"], name="idx_webhook_logs_of_account"),
            models.Index(fields=["action_taken", "-created_at"], name="idx_webhook_logs_actions"),
            models.Index(
                fields=["plex_title", "plex_season", "plex_episode", "-created_at"], name="idx_webhook_logs_titles",
            ),
            models.Index(fields=["plex_rating_key"], name="idx_webhook_logs_rating_key"),
            models.Index(
                fields=["status", "-created_at"], condition=Q(status="failed"), name="idx_webhook_logs_failed",
            ),
            models.Index(fields=["due_at"], condition=Q(done_at__isnull=True), name="idx_webhook_logs_due"),
            # Not partial: SQLite cannot see that a value which is bound later is not ''.
            models.Index(fields=["dedup_key", "-created_at"], name="idx_webhook_logs_dedup"),
            models.Index(fields=["plex_show_key"], name="idx_webhook_logs_show_key"),
        ]

    def __str__(self) -> str:
        return " ".join(part for part in (self.event_type, self.plex_title, self.code) if part)

    @property
    def code(self) -> str:
        """S02E05, or nothing when Plex named no number."""
        if self.plex_season is None or self.plex_episode is None:
            return ""
        return f"S{self.plex_season:02}E{self.plex_episode:02}"
