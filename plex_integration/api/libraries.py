"""Library sections in the API: which of them count."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration import libraries
from plex_integration.api.access import OutsideRequests, Staff, person
from plex_integration.api.camel import CamelSerializer, InputSerializer, Switch
from plex_integration.api.connection import own_config
from plex_integration.api.documents import documented
from plex_integration.api.reading import Page, PageQuery, answer_page, read_body, read_query
from plex_integration.models import PlexLibrary


class LibraryShape(CamelSerializer):
    """A library section of the server. `kind` is Plex's: show, movie, artist or photo."""

    id = serializers.IntegerField()
    section_key = serializers.CharField(help_text="Plex's number of it.")
    title = serializers.CharField()
    kind = serializers.CharField()
    enabled = serializers.BooleanField(help_text="Whether what happens in it counts.")


class LibraryPage(Page):
    """Library sections, by title."""

    libraries = LibraryShape(many=True)


class LibraryBody(InputSerializer):
    """Whether what happens in it counts."""

    enabled = Switch()


class LibraryChanged(CamelSerializer):
    """The section after a change."""

    success = serializers.BooleanField(default=True)
    library = LibraryShape()


class LibrariesView(APIView):
    """The sections of your server."""

    permission_classes = (Staff,)

    @documented("The library sections of your server", LibraryPage, query=PageQuery)
    def get(self, request: Request) -> Response:
        """As they were read last."""
        return answer_page(LibraryPage, "libraries", _own(request), read_query(PageQuery, request))


class LibraryView(APIView):
    """One section."""

    permission_classes = (Staff,)

    @documented("Let a library section count, or not", LibraryChanged, body=LibraryBody, errors=[404])
    def patch(self, request: Request, pk: int) -> Response:
        """From the next event on."""
        row = get_object_or_404(_own(request), pk=pk)
        counted = read_body(LibraryBody, request)["enabled"]
        libraries.set_counted(row.config_id, row.section_key, counted=counted)
        return Response(LibraryChanged({"library": get_object_or_404(_own(request), pk=pk)}).data)


class LibraryRefreshView(APIView):
    """Reading the sections from the server."""

    permission_classes = (Staff,)
    throttle_classes = (OutsideRequests,)

    @documented("Read the library sections from the server", LibraryPage, errors=[400, 404, 429, 502, 503])
    def post(self, request: Request) -> Response:
        """Which of them count stays as it was, and new ones count."""
        libraries.refresh_libraries(own_config(request))
        return answer_page(LibraryPage, "libraries", _own(request), read_query(PageQuery, request))


def _own(request: Request) -> Any:
    return PlexLibrary.objects.filter(config__user=person(request)).order_by("title", "pk")
