"""How far the setup of Plex is, step by step, and what usually is wrong while no event has arrived."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, Q

from plex_integration import outcomes, sample
from plex_integration.models import PlexAccount, PlexConfig, PlexWebhookLog
from tvshows import tmdb

LATEST = 50  # events that are looked at for the last one
_MADE_UP = (sample.KEYS, sample.DEMO_KEYS)
MOST_ACCOUNTS = 100  # that the page lists, the last seen first
LOOPBACK = (
    "The address is this machine's own, so only a Plex server on this machine reaches it. For another one start the "
    "tracker with --host 0.0.0.0, open it by its address in your network, and register the webhook from there."
)


@dataclass(frozen=True, slots=True)
class Step:
    """A step's state (done, warn or todo) and the words of its badge."""

    state: str
    badge: str

    @property
    def icon(self) -> str:
        """For the badge."""
        return {"done": "check", "warn": "warning"}.get(self.state, "")


@dataclass(frozen=True, slots=True)
class Account:
    """A Plex account and how many of its plays were set aside because it was nobody's."""

    row: PlexAccount
    set_aside: int

    @property
    def is_undecided(self) -> bool:
        """Whether nobody has said yet whose it is."""
        return self.row.user_id is None and not self.row.linked_by


@dataclass(frozen=True, slots=True)
class Guide:
    """All steps. `last_event` is of a real event, neither of a sample nor of the demo."""

    account: Step
    server: Step
    webhook: Step
    event: Step
    people: Step
    tmdb: Step
    last_event: datetime | None
    accounts: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """A usual cause of silence; `certain` where it is known to be so here."""

    text: str
    certain: bool = False


def examine(config: PlexConfig | None, *, unregistered: bool = False) -> Guide:
    """The state of every step. `unregistered`: plex.tv said that it does not know the webhook."""
    last, known = (last_event(config), accounts(config)) if config else (None, ())
    with_tmdb = Step("done", "Key set") if tmdb.client() else Step("todo", "Optional")
    return Guide(
        _account(config), _server(config), _webhook(config, last, unregistered=unregistered), _event(last),
        _people(known), with_tmdb, last, known,
    )


def last_event(config: PlexConfig) -> datetime | None:
    """When Plex was heard from last. Samples and the demo do not count.

    It is nearly always among the latest events of all; looked for by its connection, each of its events would be read.
    """
    newest_first = PlexWebhookLog.objects.order_by("-created_at").values_list("created_at", flat=True)
    latest = newest_first.values_list("created_at", "config", "plex_rating_key")[:LATEST]
    for created_at, config_id, rating_key in latest:
        if config_id == config.pk and not rating_key.startswith(_MADE_UP):
            return created_at
    made_up = Q(plex_rating_key__startswith=sample.KEYS) | Q(plex_rating_key__startswith=sample.DEMO_KEYS)
    return newest_first.filter(config=config).exclude(made_up).first()


def accounts(config: PlexConfig) -> tuple[Account, ...]:
    """The accounts that were seen, the last seen first, with what was set aside of each."""
    aside = PlexWebhookLog.objects.filter(action_taken=outcomes.UNLINKED, account__config=config).order_by()
    counts = dict(aside.values_list("account").annotate(number=Count("pk")))
    rows = config.accounts.select_related("user")[:MOST_ACCOUNTS]
    return tuple(Account(row, counts.get(row.pk, 0)) for row in rows)


def _account(config: PlexConfig | None) -> Step:
    return Step("done", "Done") if config and config.plex_token else Step("todo", "Not yet")


def _server(config: PlexConfig | None) -> Step:
    if config is None or not config.plex_server_uuid:
        return Step("todo", "Not yet")
    shows = [one.enabled for one in config.libraries.all() if one.kind == "show"]
    return Step("warn", "No library counts") if shows and not any(shows) else Step("done", "Done")


def _webhook(config: PlexConfig | None, last: datetime | None, *, unregistered: bool) -> Step:
    if unregistered:
        return Step("warn", "Not registered")
    if last:
        return Step("done", "Events arrive")
    if config and config.has_plex_pass is False:
        return Step("warn", "No Plex Pass")
    return Step("todo", "No event yet")


def _event(last: datetime | None) -> Step:
    return Step("done", "Arrived") if last else Step("todo", "Waiting")


def _people(known: tuple[Account, ...]) -> Step:
    undecided = sum(one.is_undecided for one in known)
    if undecided:
        return Step("warn", f"{undecided} not linked")
    return Step("done", "Done") if known else Step("todo", "None seen yet")


def hints(config: PlexConfig, url: str) -> list[Hint]:
    """Why no event may have arrived: what is known to be so, then what has to be looked at."""
    return sorted(_hints(config, url), key=lambda hint: not hint.certain)


def _hints(config: PlexConfig, url: str) -> Iterator[Hint]:
    where = urlsplit(url)
    if config.has_plex_pass is False:
        text = "The Plex account has no Plex Pass. Plex sends webhooks only with one; Tautulli can send them."
        yield Hint(text, certain=True)
    if is_loopback(url):
        yield Hint(LOOPBACK, certain=True)
    if settings.PLEX_ALLOWED_IPS:
        text = "PLEX_ALLOWED_IPS is set, so events from other addresses are refused. The Plex server has to be in it."
        yield Hint(text, certain=True)
    yield Hint("The webhook is not registered, or an older URL is. The check beside this says which.")
    yield Hint("Webhooks are switched off on the Plex server. In Plex: Settings, Network, tick Webhooks.")
    yield Hint(
        f"The Plex server does not reach {where.netloc}: a firewall is in between, or Plex runs in a container, where "
        "localhost is the container.",
    )
    if where.scheme == "https":
        yield Hint("The certificate is one that Plex does not trust, such as one that you signed yourself.")
    else:
        yield Hint("A proxy sends http on to https. Plex does not follow: set PUBLIC_WEBHOOK_URL to the https address.")


def is_loopback(url: str) -> bool:
    """Whether only this machine reaches a URL."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
