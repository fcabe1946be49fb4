"""What several processes have to agree on about an outside service: its budget, whether it answers, what it said."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from django.db import models


class RequestSlot(models.Model):
    """One of the requests that a service may get in its window: a slot is used again when its last use has left it."""

    service = models.CharField(max_length=32)
    number = models.PositiveSmallIntegerField()
    used_at = models.DateTimeField()

    class Meta:
        db_table = "service_request_slots"
        constraints = [models.UniqueConstraint(fields=["service", "number"], name="service_request_slots_number")]
        indexes = [models.Index(fields=["service", "used_at"], name="idx_service_slots_used")]

    def __str__(self) -> str:
        return f"{self.service} {self.number}"


class ServiceState(models.Model):
    """Whether a service answers. After several failures nobody asks it until `closed_until`, and then one does."""

    service = models.CharField(max_length=64, primary_key=True)
    failures = models.PositiveIntegerField(default=0)  # one after the other
    closed_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=255, blank=True, default="")
    last_error_at = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "service_states"

    def __str__(self) -> str:
        return self.service


class ServiceMinute(models.Model):
    """How often a service was asked in one minute, and how often it did not answer; kept for a day or two."""

    service = models.CharField(max_length=64)
    minute = models.DateTimeField()
    asked = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "service_minutes"
        constraints = [models.UniqueConstraint(fields=["service", "minute"], name="service_minutes_minute")]

    def __str__(self) -> str:
        return f"{self.service} {self.minute:%H:%M}"


class CachedAnswerQuerySet(models.QuerySet["CachedAnswer"]):
    """Answers."""

    def valid(self, now: datetime) -> Self:
        """Those that may still be used."""
        return self.filter(expires_at__gt=now)


class CachedAnswer(models.Model):
    """What a service said, until it has to be asked again."""

    key = models.CharField(max_length=255, primary_key=True)
    value = models.JSONField()
    expires_at = models.DateTimeField()

    objects = CachedAnswerQuerySet.as_manager()

    class Meta:
        db_table = "service_answers"
        indexes = [models.Index(fields=["expires_at"], name="idx_service_answers_expires")]

    def __str__(self) -> str:
        return self.key
