"""The connection to Plex in the API: each of the staff has their own."""

from typing import Any

from django.core import signing
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plex_integration import connecting, libraries
from plex_integration.api.access import OutsideRequests, Staff, person
from plex_integration.api.camel import CamelSerializer, InputSerializer, Switch
from plex_integration.api.documents import documented
from plex_integration.api.reading import read_body, read_query
from plex_integration.config import webhook_url
from plex_integration.models import PlexConfig

SIGN_IN_SECONDS = 1800  # as long as Plex keeps a pin
_SIGN_INS = signing.TimestampSigner(salt="plex-sign-in")


class ConfigShape(CamelSerializer):
    """The connection. The token is never in an answer."""

    configured = serializers.BooleanField()
    enabled = serializers.BooleanField()
    auto_add_shows = serializers.BooleanField()
    auto_mark_watched = serializers.BooleanField()
    server_name = serializers.CharField(allow_null=True)
    last_webhook_received = serializers.DateTimeField(allow_null=True)
    webhook_url = serializers.CharField(allow_null=True, help_text="To enter in Plex. It holds a secret.")
    server_url = serializers.CharField(allow_null=True)
    token_saved = serializers.BooleanField()
    plex_username = serializers.CharField(allow_null=True)
    has_plex_pass = serializers.BooleanField(allow_null=True, help_text="Plex sends webhooks only with one.")


class ConfigBody(InputSerializer):
    """What to connect to. What is left out stays as it was."""

    plex_token = serializers.RegexField(
        "^[!-~]+$", max_length=200, required=False, help_text="May be left out once one is saved.",
        error_messages={"invalid": "A Plex token has letters, digits, - and _ only. Copy it again."},
    )
    plex_server_url = serializers.CharField(
        max_length=255, required=False, allow_blank=True, help_text="Left out: the server is found by the token.",
    )
    auto_add_shows = Switch(required=False)
    auto_mark_watched = Switch(required=False)
    enabled = Switch(required=False)


class Connected(CamelSerializer):
    """The connection works."""

    success = serializers.BooleanField(default=True)
    webhook_url = serializers.CharField()
    server_name = serializers.CharField()


class Done(CamelSerializer):
    """It was done."""

    success = serializers.BooleanField(default=True)


class SignInStarted(CamelSerializer):
    """The person goes on at `url`."""

    id = serializers.CharField()
    code = serializers.CharField()
    url = serializers.CharField()


class SignInQuery(CamelSerializer):
    """With which server to connect."""

    plex_server_url = serializers.CharField(
        max_length=255, required=False, allow_blank=True, help_text="Left out: the server is found by the token.",
    )


class SignInState(CamelSerializer):
    """Whether the person has agreed; when they have, the connection is made."""

    status = serializers.ChoiceField(["waiting", "done"])
    webhook_url = serializers.CharField(allow_null=True)
    server_name = serializers.CharField(allow_null=True)


class ConfigView(APIView):
    """The connection of whoever asks."""

    permission_classes = (Staff,)
    throttle_classes = (OutsideRequests,)

    @documented("Your connection to Plex", ConfigShape)
    def get(self, request: Request) -> Response:
        """What is saved; before that, what would be."""
        config = PlexConfig.objects.filter(user=person(request)).first()
        row = config or PlexConfig(enabled=False)
        return Response(ConfigShape({
            "configured": config is not None, "enabled": row.enabled, "auto_add_shows": row.auto_add_shows,
            "auto_mark_watched": row.auto_mark_watched, "server_name": row.plex_server_name or None,
            "last_webhook_received": row.last_webhook_received, "webhook_url": webhook_url(row, request) or None,
            "server_url": row.plex_server_url or None, "token_saved": bool(row.plex_token),
            "plex_username": row.plex_username or None, "has_plex_pass": row.has_plex_pass,
        }).data)

    @documented("Connect to Plex", Connected, body=ConfigBody, errors=[429, 502, 503])
    def post(self, request: Request) -> Response:
        """Checks the token, finds the server, saves both; what worked before stays when that fails."""
        given = read_body(ConfigBody, request)
        return _connected(request, Connected, given, token=given.get("plex_token"), **{
            name: given.get(name) for name in ("auto_add_shows", "auto_mark_watched", "enabled")
        })

    @documented("Switch the connection off", Done, errors=[404])
    def delete(self, request: Request) -> Response:
        """Everything stays, mappings too; saving it again with `enabled` switches it on."""
        connecting.disable(own_config(request), now=timezone.now())
        return Response(Done({}).data)


class SignInView(APIView):
    """Signing in with Plex, so that no token has to be copied."""

    permission_classes = (Staff,)
    throttle_classes = (OutsideRequests,)

    @documented("Begin to sign in with Plex", SignInStarted, status=201, errors=[400, 429, 502, 503])
    def post(self, request: Request) -> Response:
        """The person goes on at `url`; ask with `id` whether they have agreed."""
        pin = connecting.start_sign_in()
        signed = _SIGN_INS.sign_object([person(request).pk, pin.id])
        return Response(SignInStarted({"id": signed, "code": pin.code, "url": pin.url}).data, status=201)


class _Polling(OutsideRequests):
    """A page asks every second or two whether the person has agreed."""

    group = "plex-sign-in"
    most = 60
    counted = frozenset({"GET"})


class SignInStateView(APIView):
    """How a sign-in goes."""

    permission_classes = (Staff,)
    throttle_classes = (_Polling,)

    @documented(
        "Whether you have agreed at Plex; then it is connected", SignInState, query=SignInQuery,
        errors=[404, 429, 502, 503],
    )
    def get(self, request: Request, signed: str) -> Response:
        """Only for whoever began it."""
        token = connecting.finish_sign_in(_pin_of(signed, person(request).pk))
        if not token:
            return Response(SignInState({"status": "waiting", "webhook_url": None, "server_name": None}).data)
        return _connected(request, SignInState, read_query(SignInQuery, request), token=token)


class WebhookRegistrationView(APIView):
    """The webhook at plex.tv."""

    permission_classes = (Staff,)
    throttle_classes = (OutsideRequests,)

    @documented("Have Plex send its events here", Connected, errors=[400, 404, 429, 502, 503])
    def post(self, request: Request) -> Response:
        """Enters the webhook's URL in the Plex account; its other webhooks stay."""
        config = own_config(request)
        url = webhook_url(config, request)
        connecting.register_webhook(config, url)
        return Response(Connected({"webhook_url": url, "server_name": config.plex_server_name}).data)


def own_config(request: Request) -> PlexConfig:
    """The connection of whoever asks. Raises NotFound."""
    config = PlexConfig.objects.filter(user=person(request)).first()
    if config is None:
        raise NotFound("You have no connection to Plex yet.")
    return config


def _connected(
    request: Request, shape: type[CamelSerializer], given: dict[str, Any], *, token: str | None, **options: bool | None,
) -> Response:
    config = connecting.connect(
        user=person(request), token=token, server_url=given.get("plex_server_url", ""), server_id="", ask_which=False,
        now=timezone.now(), **options,
    )
    libraries.refresh_or_explain(config)  # one that fails can be tried again at /api/plex/libraries/refresh
    url = webhook_url(config, request)
    return Response(shape({"status": "done", "webhook_url": url, "server_name": config.plex_server_name}).data)


def _pin_of(signed: str, user_id: int) -> int:
    """The pin of a sign-in that this person began. Raises NotFound."""
    try:
        whose, pin_id = _SIGN_INS.unsign_object(signed, max_age=SIGN_IN_SECONDS)
    except (signing.BadSignature, ValueError):
        whose, pin_id = None, 0
    if whose != user_id:
        raise NotFound("There is no such sign-in, or it was begun too long ago: start again.")
    return int(pin_id)
