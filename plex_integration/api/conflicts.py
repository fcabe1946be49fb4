"""Conflicts in the API: Plex shows that wait for a person to say which show they are."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration import questions, resolution
from plex_integration.api.access import Staff, person
from plex_integration.api.camel import CamelSerializer, InputSerializer
from plex_integration.api.documents import documented
from plex_integration.api.mappings import LARGEST_KEY
from plex_integration.api.reading import Page, PageQuery, answer_page, read_body, read_query
from plex_integration.models import PlexConflict
from plex_integration.resolution import Resolved
from plex_integration.untrusted import list_of, number_of, object_of, text_of

LARGEST_ID = 2**31 - 1  # of a TMDB id


class ReasonShape(CamelSerializer):
    """One thing that was weighed."""

    sign = serializers.CharField(help_text="for, against or unknown.")
    text = serializers.CharField()


class CandidateShape(CamelSerializer):
    """A show that may be meant."""

    tvshow_id = serializers.IntegerField()
    title = serializers.CharField()
    year = serializers.IntegerField(allow_null=True)
    tmdb_id = serializers.IntegerField(allow_null=True)
    match_score = serializers.FloatField(help_text="From 0 to 1.")
    reasons = ReasonShape(many=True)


class ConflictShape(CamelSerializer):
    """An open question."""

    id = serializers.IntegerField()
    plex_title = serializers.CharField()
    plex_year = serializers.IntegerField(allow_null=True)
    conflict_type = serializers.ChoiceField(PlexConflict.Kind.choices)
    potential_matches = serializers.SerializerMethodField("get_potential_matches", help_text="The best first.")
    created_at = serializers.DateTimeField()
    plex_guid = serializers.CharField()
    waiting_events = serializers.IntegerField(help_text="Events that wait for the answer.")

    @extend_schema_field(CandidateShape(many=True))
    def get_potential_matches(self, conflict: PlexConflict) -> list[dict[str, Any]]:
        """The stored candidates; rows written by SQL may hold anything."""
        records = map(object_of, list_of(conflict.potential_matches))
        return [_candidate(record) for record in records if number_of(record.get("tvshow_id"), LARGEST_KEY)]


def _candidate(record: dict[str, Any]) -> dict[str, Any]:
    score = record.get("match_score")
    return dict(CandidateShape({
        "tvshow_id": record["tvshow_id"], "title": text_of(record.get("title")), "year": number_of(record.get("year")),
        "tmdb_id": number_of(record.get("tmdb_id")), "match_score": score if isinstance(score, int | float) else 0,
        "reasons": [
            {"sign": text_of(reason.get("sign")), "text": text_of(reason.get("text"))}
            for reason in map(object_of, list_of(record.get("reasons")))
        ],
    }).data)


class ConflictPage(Page):
    """Open questions, the newest first."""

    conflicts = ConflictShape(many=True)


class NewShowBody(InputSerializer):
    """A show at TMDB."""

    tmdb_id = serializers.IntegerField(min_value=1, max_value=LARGEST_ID)


class ResolveBody(InputSerializer):
    """An answer."""

    action = serializers.ChoiceField(["select", "create_new", "ignore"])
    tvshow_id = serializers.IntegerField(
        min_value=1, max_value=LARGEST_KEY, required=False, help_text="The show; needed with select.",
    )
    create_new = NewShowBody(required=False, help_text="What to make; needed with create_new.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What an action needs has to be there."""
        for action, name, key in (("select", "tvshow_id", "tvshowId"), ("create_new", "create_new", "createNew")):
            if attrs["action"] == action and name not in attrs:
                raise serializers.ValidationError({key: [f"The action {action} needs it."]})
        return attrs


class ResolvedShape(CamelSerializer):
    """What an answer did."""

    success = serializers.BooleanField(default=True)
    resolution_action = serializers.CharField()
    tvshow_id = serializers.IntegerField(allow_null=True, help_text="The show that it turned out to be.")
    processed = serializers.IntegerField(help_text="Events that had waited and were worked on.")
    left = serializers.IntegerField(help_text="Events that a worker does next.")


class ConflictsView(APIView):
    """The open questions."""

    permission_classes = (Staff,)

    @documented("The Plex shows that wait for you to say which show they are", ConflictPage, query=PageQuery)
    def get(self, request: Request) -> Response:
        """The newest first."""
        rows = questions.listed().filter(resolved=False).defer("evidence").order_by("-created_at", "-pk")
        return answer_page(ConflictPage, "conflicts", rows, read_query(PageQuery, request))


class ResolveView(APIView):
    """Answering."""

    permission_classes = (Staff,)
    change_needs = "change_plexconflict"

    @documented("Say which show it is", ResolvedShape, body=ResolveBody, errors=[404, 502, 503])
    def post(self, request: Request, pk: int) -> Response:
        """The events that waited are worked on, oldest first, each with its own time."""
        get_object_or_404(PlexConflict, pk=pk)
        resolved = _resolve(pk, read_body(ResolveBody, request), person(request).pk)
        return Response(ResolvedShape({
            "resolution_action": resolved.conflict.resolution_action,
            "tvshow_id": resolved.conflict.resolved_tvshow_id,
            "processed": len(resolved.outcomes), "left": resolved.left,
        }).data)


def _resolve(pk: int, answer: dict[str, Any], user_id: int) -> Resolved:
    now = timezone.now()
    if answer["action"] == "ignore":
        return resolution.ignore(pk, user_id=user_id, now=now)
    if answer["action"] == "select":
        return resolution.select(pk, tvshow_id=answer["tvshow_id"], user_id=user_id, now=now)
    tmdb_id = answer["create_new"]["tmdb_id"]
    return resolution.create_from_tmdb(pk, tmdb_id=tmdb_id, user_id=user_id, now=now)
