"""The catalogue in the API, as far as one has to find a show in it."""

from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration import questions
from plex_integration.api.camel import CamelSerializer
from plex_integration.api.documents import documented
from plex_integration.api.reading import Page, PageQuery, answer_page, read_query


class ShowShape(CamelSerializer):
    """A show of the tracker."""

    id = serializers.IntegerField()
    title = serializers.CharField()
    year = serializers.IntegerField(allow_null=True)
    tmdb_id = serializers.IntegerField(allow_null=True)
    tvdb_id = serializers.IntegerField(allow_null=True)
    imdb_id = serializers.CharField(allow_null=True)


class ShowQuery(PageQuery):
    """Which shows."""

    query = serializers.CharField(max_length=200, help_text="A part of a title, with a year if need be; or an IMDb id.")
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20, help_text="At most so many rows.")


class ShowPage(Page):
    """Shows, by title."""

    shows = ShowShape(many=True)


class ShowsView(APIView):
    """Searching."""

    permission_classes = (IsAuthenticated,)

    @documented("Find shows of the tracker by title", ShowPage, query=ShowQuery)
    def get(self, request: Request) -> Response:
        """By title."""
        wanted = read_query(ShowQuery, request)
        shows = questions.shows_named(wanted["query"]).order_by("title", "show_start_date", "pk")
        return answer_page(ShowPage, "shows", shows, wanted)
