"""Mappings in the API: which show a Plex show is."""

from typing import Any

from django.db.models import Exists, OuterRef
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration import resolution
from plex_integration.api.access import Staff, person
from plex_integration.api.camel import CamelSerializer, InputSerializer, Switch
from plex_integration.api.documents import documented
from plex_integration.api.reading import Page, PageQuery, answer_page, read_body, read_query
from plex_integration.models import PlexConflict, PlexShowMapping

LARGEST_KEY = 2**63 - 1


class MappingShape(CamelSerializer):
    """A Plex show and its show here: none while it waits for a decision; none with sync off when set aside."""

    id = serializers.IntegerField()
    plex_title = serializers.CharField()
    plex_year = serializers.IntegerField(allow_null=True)
    tvshow_id = serializers.IntegerField(allow_null=True)
    tvshow_title = serializers.CharField(source="tvshow.title", default=None, allow_null=True)
    match_confidence = serializers.FloatField(allow_null=True, help_text="From 0 to 1.")
    match_method = serializers.ChoiceField(PlexShowMapping.Method.choices, allow_null=True)
    sync_enabled = serializers.BooleanField()
    manually_confirmed = serializers.BooleanField(help_text="Whether a person said so.")
    plex_guid = serializers.CharField()
    plex_rating_key = serializers.CharField()
    updated_at = serializers.DateTimeField()


class MappingQuery(PageQuery):
    """Which mappings."""

    unmapped = serializers.BooleanField(default=False, help_text="Only Plex shows that have no show here.")
    conflicts = serializers.BooleanField(default=False, help_text="Only those about which a question is open.")


class MappingPage(Page):
    """Mappings, by title."""

    mappings = MappingShape(many=True)


class ConfirmBody(InputSerializer):
    """Which show it is."""

    tvshow_id = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY)


class SyncBody(InputSerializer):
    """Whether what is watched of it counts."""

    sync_enabled = Switch()


class MappingChanged(CamelSerializer):
    """The mapping after a change, and what followed from it."""

    success = serializers.BooleanField(default=True)
    mapping = MappingShape()
    moved = serializers.IntegerField(default=0, help_text="Viewings that moved from another show.")
    stayed = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Marked episodes that the show lacks.",
    )
    processed = serializers.IntegerField(default=0, help_text="Events that had waited and were worked on.")


class MappingsView(APIView):
    """All mappings."""

    permission_classes = (Staff,)

    @documented("The Plex shows, and which shows they are here", MappingPage, query=MappingQuery)
    def get(self, request: Request) -> Response:
        """By title."""
        wanted = read_query(MappingQuery, request)
        rows = PlexShowMapping.objects.select_related("tvshow")
        if wanted["unmapped"]:
            rows = rows.unmapped()
        if wanted["conflicts"]:
            asked = PlexConflict.objects.open().filter(plex_show_key=OuterRef("plex_show_key"))
            rows = rows.exclude(plex_show_key="").filter(Exists(asked))
        return answer_page(MappingPage, "mappings", rows, wanted)


class MappingView(APIView):
    """One mapping."""

    permission_classes = (Staff,)
    change_needs = "change_plexshowmapping"

    @documented("Switch marking on or off for a Plex show", MappingChanged, body=SyncBody, errors=[404])
    def patch(self, request: Request, pk: int) -> Response:
        """A show that was set aside and is switched on is asked about again."""
        get_object_or_404(PlexShowMapping, pk=pk)
        return _switch(pk, enabled=read_body(SyncBody, request)["sync_enabled"])

    @documented("Switch marking off for a Plex show", MappingChanged, errors=[404])
    def delete(self, request: Request, pk: int) -> Response:
        """The row stays, and what was marked stays marked."""
        del request
        get_object_or_404(PlexShowMapping, pk=pk)
        return _switch(pk, enabled=False)


class ConfirmView(APIView):
    """Saying which show it is."""

    permission_classes = (Staff,)
    change_needs = "change_plexshowmapping"

    @documented("Say which show a Plex show is", MappingChanged, body=ConfirmBody, errors=[404, 503])
    def post(self, request: Request, pk: int) -> Response:
        """An open question is settled by that; what was marked for another show moves."""
        get_object_or_404(PlexShowMapping, pk=pk)
        tvshow_id = read_body(ConfirmBody, request)["tvshow_id"]
        resolved, move = resolution.map_by_hand(
            pk, tvshow_id=tvshow_id, user_id=person(request).pk, now=timezone.now(),
        )
        processed = len(resolved.outcomes) if resolved else 0
        return _changed(pk, moved=move.moved, stayed=list(move.left), processed=processed)


def _switch(pk: int, *, enabled: bool) -> Response:
    resolution.switch_sync([pk], enabled=enabled, now=timezone.now())
    return _changed(pk)


def _changed(pk: int, **what: Any) -> Response:
    row = get_object_or_404(PlexShowMapping.objects.select_related("tvshow"), pk=pk)
    return Response(MappingChanged({"mapping": row, **what}).data)
