"""The log in the API: every event that Plex sent, and what became of it."""

import json
from typing import Any

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration import inbox, repairs
from plex_integration.api.access import Staff, person
from plex_integration.api.camel import CamelSerializer
from plex_integration.api.documents import documented
from plex_integration.api.errors import Clash
from plex_integration.api.reading import Page, PageQuery, answer_page, read_query
from plex_integration.models import PlexWebhookLog
from plex_integration.models.log import PlexWebhookLogQuerySet


class EventShape(CamelSerializer):
    """An event. `status` is the verdict, `actionTaken` what was done, `reason` why."""

    id = serializers.IntegerField()
    event_type = serializers.CharField()
    plex_title = serializers.CharField(help_text="The show's title.")
    status = serializers.ChoiceField(PlexWebhookLog.Status.choices)
    error_message = serializers.CharField(help_text="Empty unless it failed.")
    action_taken = serializers.CharField()
    created_at = serializers.DateTimeField(help_text="When it came.")
    reason = serializers.CharField()
    episode_title = serializers.CharField(source="plex_episode_title")
    season = serializers.IntegerField(source="plex_season", allow_null=True)
    episode = serializers.IntegerField(source="plex_episode", allow_null=True)
    tvshow_id = serializers.IntegerField(allow_null=True)
    conflict_id = serializers.IntegerField(allow_null=True)
    account_id = serializers.IntegerField(allow_null=True, help_text="The id in /api/plex/accounts.")
    attempts = serializers.IntegerField(source="retry_count")
    duration_ms = serializers.IntegerField(source="processing_duration_ms", allow_null=True)
    done = serializers.SerializerMethodField(help_text="Whether nothing more has to be done about it.")

    def get_done(self, log: PlexWebhookLog) -> bool:
        """Neither due nor waiting for a person."""
        return log.done_at is not None


class EventWithPayload(EventShape):
    """An event with what Plex sent, for staff."""

    payload = serializers.SerializerMethodField(help_text="Without what looks like a secret; null but for staff.")

    @extend_schema_field(OpenApiTypes.ANY)
    def get_payload(self, log: PlexWebhookLog) -> Any:
        """What Plex sent."""
        return json.loads(repairs.shown_payload(log.payload)) if self.context["staff"] else None


class EventQuery(PageQuery):
    """Which events."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50, help_text="At most so many rows.")
    status = serializers.ChoiceField(PlexWebhookLog.Status.choices, required=False)


class EventPage(Page):
    """Events, the newest first."""

    logs = EventShape(many=True)


class Replaying(CamelSerializer):
    """Whether it is run again."""

    success = serializers.BooleanField(default=True)


def visible_to(user: User) -> PlexWebhookLogQuerySet:
    """Staff see all, others the events of the Plex accounts linked to them."""
    rows = PlexWebhookLog.objects.all()
    return rows if user.is_staff else rows.filter(account__user=user)


class EventsView(APIView):
    """The log."""

    permission_classes = (IsAuthenticated,)

    @documented("What Plex sent, and what became of it", EventPage, query=EventQuery, operation="logs_list")
    def get(self, request: Request) -> Response:
        """The newest first."""
        wanted = read_query(EventQuery, request)
        rows = visible_to(person(request)).defer("payload")
        if "status" in wanted:
            rows = rows.filter(status=wanted["status"])
        return answer_page(EventPage, "logs", rows, wanted)


class EventView(APIView):
    """One event."""

    permission_classes = (IsAuthenticated,)

    @documented("An event; for staff with its payload", EventWithPayload, errors=[404])
    def get(self, request: Request, pk: int) -> Response:
        """With the payload for staff."""
        user = person(request)
        log = get_object_or_404(visible_to(user), pk=pk)
        return Response(EventWithPayload(log, context={"staff": user.is_staff}).data)


class ReplayView(APIView):
    """Running an event again."""

    permission_classes = (Staff,)
    change_needs = "change_plexwebhooklog"

    @documented("Run an event again", Replaying, status=202, errors=[404, 409])
    def post(self, request: Request, pk: int) -> Response:
        """From the start, with the time at which it came; a worker does it."""
        del request
        log = get_object_or_404(PlexWebhookLog.objects.defer("payload"), pk=pk)
        if not inbox.replay(log, now=timezone.now()):
            raise Clash("It could not be run again: it is unreadable, or still being worked on.")
        return Response(Replaying({}).data, status=202)
