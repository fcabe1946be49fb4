"""API tokens: one a person, shown when it is made and never again."""

from django.contrib.auth.models import User
from rest_framework import serializers, status
from rest_framework.authtoken.models import Token
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration.api.access import person
from plex_integration.api.camel import CamelSerializer
from plex_integration.api.documents import documented
from plex_integration.api.errors import Clash


def token_of(user: User) -> Token | None:
    """The person's token, if there is one."""
    return Token.objects.filter(user=user).first()


def make_token(user: User) -> Token | None:
    """A token for a person who has none; nothing for one who has."""
    token, made = Token.objects.get_or_create(user=user)
    return token if made else None


def revoke_token(user: User) -> bool:
    """End a person's token at once. Says whether there was one."""
    return bool(Token.objects.filter(user=user).delete()[0])


class TokenState(CamelSerializer):
    """Whether there is a token."""

    exists = serializers.BooleanField()
    created_at = serializers.DateTimeField(allow_null=True)


class NewToken(CamelSerializer):
    """A token, this once."""

    token = serializers.CharField(source="key")
    created_at = serializers.DateTimeField(source="created")


class TokenView(APIView):
    """The token of whoever asks."""

    permission_classes = (IsAuthenticated,)

    @documented("Whether you have a token", TokenState)
    def get(self, request: Request) -> Response:
        """Without the token itself."""
        return _state(person(request))

    @documented("Make a token; it is shown this once", NewToken, status=201, errors=[409])
    def post(self, request: Request) -> Response:
        """For whoever has none."""
        token = make_token(person(request))
        if token is None:
            raise Clash("You have a token already, and it is not shown again. Revoke it first to make another.")
        return Response(NewToken(token).data, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})

    @documented("Revoke your token", TokenState)
    def delete(self, request: Request) -> Response:
        """It ends at once."""
        revoke_token(person(request))
        return _state(person(request))


def _state(user: User) -> Response:
    token = token_of(user)
    return Response(TokenState({"exists": token is not None, "created_at": token.created if token else None}).data)
