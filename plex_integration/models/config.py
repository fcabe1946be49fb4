"""Whose Plex server sends us events, and which Plex accounts watch on it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class PlexConfig(models.Model):
    """One person's connection to Plex. The webhook's secret says which."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="plex_config")
    plex_token = models.TextField(blank=True, default="", db_default="", editable=False)  # encrypted
    plex_server_url = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_server_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    plex_server_uuid = models.CharField(max_length=64, blank=True, default="", db_default="")
    # Of the account that the token belongs to, on plex.tv. NULL: not asked yet.
    plex_account_id = models.BigIntegerField(null=True, blank=True, editable=False)
    plex_username = models.CharField(max_length=255, blank=True, default="", db_default="", editable=False)
    has_plex_pass = models.BooleanField(null=True, blank=True, editable=False)
    plex_checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    webhook_secret = models.CharField(max_length=128, blank=True, default="", db_default="")
    previous_webhook_secret = models.CharField(max_length=128, blank=True, default="", db_default="")
    previous_secret_expires_at = models.DateTimeField(null=True, blank=True)
    secret_rotated_at = models.DateTimeField(db_default=Now())
    enabled = models.BooleanField(default=True, db_default=True)
    auto_add_shows = models.BooleanField(default=True, db_default=True)
    auto_mark_watched = models.BooleanField(default=True, db_default=True)
    sync_started_date = models.DateTimeField(db_default=Now())
    last_webhook_received = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "plex_config"
        verbose_name = "Plex connection"
        indexes = [models.Index(fields=["enabled"], condition=Q(enabled=True), name="idx_plex_config_enabled")]

    def __str__(self) -> str:
        return f"Plex of {self.user}"

    def secrets(self, now: datetime) -> list[str]:
        """The secrets that an event may bear: the current one, and the one before it while its grace lasts."""
        grace = self.previous_webhook_secret if self.grace_until(now) else ""
        return [secret for secret in (self.webhook_secret, grace) if secret]

    def grace_until(self, now: datetime) -> datetime | None:
        """Until when the secret before works, or nothing where it does not."""
        expires = self.previous_secret_expires_at
        return expires if self.previous_webhook_secret and expires and expires > now else None


class PlexAccount(models.Model):
    """A Plex user named in an event, and the person of this tracker whose viewings these are, if any."""

    class LinkedBy(models.TextChoices):
        NOBODY = "", "nobody"
        RULE = "rule", "by itself"
        PERSON = "person", "a person"

    config = models.ForeignKey(PlexConfig, models.CASCADE, related_name="accounts")
    account_id = models.BigIntegerField("Plex account id", null=True, blank=True)
    title = models.CharField(max_length=255, blank=True, default="", db_default="")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="plex_accounts",
        verbose_name="viewings are of",
    )
    # A person's choice, to leave it unlinked too, is never redone by a rule.
    linked_by = models.CharField(max_length=8, choices=LinkedBy, blank=True, default="", db_default="", editable=False)
    first_seen = models.DateTimeField(db_default=Now(), editable=False)
    last_seen = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "plex_accounts"
        verbose_name = "Plex account"
        ordering = ["-last_seen"]
        constraints = [
            models.UniqueConstraint(
                fields=["config", "account_id"], condition=Q(account_id__isnull=False), name="plex_accounts_id",
            ),
            models.UniqueConstraint(
                fields=["config", "title"], condition=Q(account_id__isnull=True), name="plex_accounts_title",
            ),
        ]

    def __str__(self) -> str:
        return self.title or f"account {self.account_id}"


class PlexLibrary(models.Model):
    """A library section of the server, and whether what happens in it counts."""

    config = models.ForeignKey(PlexConfig, models.CASCADE, related_name="libraries")
    section_key = models.CharField(max_length=32)
    title = models.CharField(max_length=255, blank=True, default="", db_default="")
    kind = models.CharField(max_length=16, blank=True, default="", db_default="")  # Plex's: show, movie, artist, photo
    enabled = models.BooleanField("counts", default=True, db_default=True)

    class Meta:
        db_table = "plex_libraries"
        verbose_name = "Plex library"
        verbose_name_plural = "Plex libraries"
        ordering = ["title", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["config", "section_key"], name="plex_libraries_section"),
        ]

    def __str__(self) -> str:
        return self.title or f"section {self.section_key}"
