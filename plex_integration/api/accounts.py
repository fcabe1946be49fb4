"""Plex accounts in the API: whose viewings theirs are."""

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration import accounts, repairs
from plex_integration.api.access import Staff
from plex_integration.api.camel import CamelSerializer, InputSerializer
from plex_integration.api.documents import documented
from plex_integration.api.errors import Clash, Refused
from plex_integration.api.mappings import LARGEST_KEY
from plex_integration.api.reading import Page, PageQuery, answer_page, read_body, read_query
from plex_integration.models import PlexAccount


class AccountShape(CamelSerializer):
    """A Plex user that an event named. `linkedBy`: empty for nobody, rule, or person."""

    id = serializers.IntegerField()
    account_id = serializers.IntegerField(allow_null=True, help_text="Plex's number.")
    title = serializers.CharField()
    user_id = serializers.IntegerField(allow_null=True, help_text="Whose viewings these are; null: they are set aside.")
    username = serializers.CharField(source="user.username", default=None, allow_null=True)
    linked_by = serializers.CharField()
    first_seen = serializers.DateTimeField()
    last_seen = serializers.DateTimeField()


class PersonShape(CamelSerializer):
    """Somebody to whom an account can be linked."""

    id = serializers.IntegerField()
    username = serializers.CharField()


class AccountPage(Page):
    """Accounts, the last seen first, and the people of the tracker."""

    accounts = AccountShape(many=True)
    users = PersonShape(many=True)


class LinkBody(InputSerializer):
    """Whose viewings they are."""

    user_id = serializers.IntegerField(min_value=1, max_value=LARGEST_KEY, allow_null=True)


class AccountChanged(CamelSerializer):
    """The account after a change."""

    success = serializers.BooleanField(default=True)
    account = AccountShape()


class SetAsideReplayed(CamelSerializer):
    """How many events are run again, and how many could not be: unreadable, or not finished yet."""

    success = serializers.BooleanField(default=True)
    replayed = serializers.IntegerField(source="done")
    left = serializers.IntegerField()


class AccountsView(APIView):
    """All accounts."""

    permission_classes = (Staff,)

    @documented("The Plex accounts that events named", AccountPage, query=PageQuery)
    def get(self, request: Request) -> Response:
        """The last seen first."""
        rows = PlexAccount.objects.select_related("user").order_by("-last_seen", "-pk")
        users = User.objects.filter(is_active=True).order_by("username")
        return answer_page(AccountPage, "accounts", rows, read_query(PageQuery, request), users=users)


class AccountView(APIView):
    """One account."""

    permission_classes = (Staff,)
    change_needs = "change_plexaccount"

    @documented("Link an account to a person, or to nobody", AccountChanged, body=LinkBody, errors=[404])
    def patch(self, request: Request, pk: int) -> Response:
        """A rule never redoes what a person chose."""
        account = get_object_or_404(PlexAccount, pk=pk)
        user_id = read_body(LinkBody, request)["user_id"]
        if user_id is not None and not User.objects.filter(pk=user_id, is_active=True).exists():
            raise Refused(f"userId: There is no person with the id {user_id}.")
        accounts.link(account, user_id=user_id)
        fresh = PlexAccount.objects.select_related("user").get(pk=pk)
        return Response(AccountChanged({"account": fresh}).data)


class AccountReplayView(APIView):
    """Running again what was set aside."""

    permission_classes = (Staff,)
    change_needs = "change_plexaccount"

    @documented("Run again what was set aside for want of a link", SetAsideReplayed, status=202, errors=[404, 409])
    def post(self, request: Request, pk: int) -> Response:
        """Each event with the time at which it came; a worker does them."""
        del request
        account = get_object_or_404(PlexAccount, pk=pk)
        if account.user_id is None:
            raise Clash(f"{account} is linked to nobody. Link it first.")
        replayed = repairs.replay_many(repairs.set_aside_of(account), now=timezone.now())
        return Response(SetAsideReplayed(replayed).data, status=202)
