"""A sample event, posted to our own webhook as Plex would, to see whether events come through."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from plex_integration.config import WEBHOOK_PATH, address
from plex_integration.models import PlexConfig, PlexWebhookLog
from plex_integration.payloads import PLAY
from tvshows.models import Episode, TVShow
from tvshows.titles import normalise

SERVER = "test-of-the-tracker"
TITLE = "Test of the tracker"
# How the rating keys of samples and of the demo's events begin; Plex's own are numbers.
KEYS, DEMO_KEYS = "test-", "demo-"
SECONDS = (3, 5)  # to connect, to answer
TAKEN: set[int] = {HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.TOO_MANY_REQUESTS}
_KEY = re.compile(rf"{KEYS}[0-9a-f]{{12}}")
# By what the answer of the webhook, or of what stands before it, tells a person to do.
_REFUSALS: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: "answers that this host name is not allowed. Add it to ALLOWED_HOSTS.",
    HTTPStatus.UNAUTHORIZED: "does not take the secret. Another tracker may answer there.",
    HTTPStatus.FORBIDDEN: "refuses this machine's address. PLEX_ALLOWED_IPS says who may send; Plex has to be in it.",
    HTTPStatus.NOT_FOUND: "knows no webhook. Something else than the tracker answers there.",
    HTTPStatus.SERVICE_UNAVAILABLE: "could not store the event: the database is busy or away.",
}


class Unreached(Exception):  # noqa: N818  (what became of it)
    """Nobody answered at the address; the message says so without the secret."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A sample that was sent: its rating key, where it was taken, and what was wrong on the way, in sentences."""

    key: str
    taken_at: str = ""
    problems: Sequence[str] = ()


def new_key() -> str:
    """A rating key for one sample, by which its row is found."""
    return f"{KEYS}{uuid4().hex[:12]}"


def payload(key: str, *, event: str = PLAY, title: str = TITLE, season: int = 1, episode: int = 1) -> dict[str, Any]:
    """An event of the person that the connection belongs to: it names no account. As a play it changes nothing."""
    return {
        "event": event, "user": True, "owner": True, "Server": {"title": "Test", "uuid": SERVER},
        "Metadata": {
            "librarySectionType": "show", "type": "episode", "ratingKey": key, "grandparentTitle": title,
            "title": "Test", "parentIndex": season, "index": episode,
        },
    }


def episode_here(title: str, *, year: int | None, season: int, episode: int) -> dict[str, Any]:
    """What Plex would say more of an episode, so that it is recognised where exactly one show here has the title."""
    said = normalise(title)
    began = year or said.year
    shows = TVShow.objects.filter(titles__normalised=said.text).distinct()
    only = list((shows.filter(show_start_date__year=began) if began else shows)[:2])
    if len(only) != 1:
        return {"grandparentTitle": f"{title} ({year})"} if year else {}
    show = only[0]
    found = Episode.objects.filter(show=show, season_number=season, episode_number=episode).first()
    return {"grandparentTitle": str(show), "grandparentRatingKey": f"test-{show.pk}"} | (_named(found) if found else {})


def _named(episode: Episode) -> dict[str, Any]:
    aired = {"originallyAvailableAt": episode.air_date.isoformat()} if episode.air_date else {}
    return {"title": episode.title} | aired


def post(url: str, data: dict[str, Any]) -> requests.Response:
    """Post an event to a webhook URL with its secret. Raises Unreached."""
    with requests.Session() as session:
        session.trust_env = False  # a proxy of the environment has no business between us and ourselves
        try:
            form = {"payload": (None, json.dumps(data))}
            return session.post(url, files=form, timeout=SECONDS, allow_redirects=False)
        except requests.exceptions.SSLError:
            raise Unreached("has a certificate that is not trusted. Plex would not trust it either.") from None
        except requests.Timeout:
            raise Unreached("does not answer in time. A firewall may be in between.") from None
        except (requests.RequestException, ValueError):
            # Its text names the URL, and that bears the secret.
            raise Unreached("does not answer.") from None


def send(shown_url: str) -> Sent:
    """Send a sample to the URL that Plex has, and where that fails to the address at which this product was started.

    At most 16 seconds. Nothing may be locked meanwhile: the answer is written by another thread.
    """
    key = new_key()
    problems: list[str] = []
    for url in dict.fromkeys([shown_url, f"{address()}{WEBHOOK_PATH}?{urlsplit(shown_url).query}"]):
        problem = _try(url, key)
        if not problem:
            return Sent(key, origin(url), problems)
        problems.append(f"{origin(url)} {problem}")
    return Sent(key, "", problems)


def _try(url: str, key: str) -> str:
    """Why a sample was not taken at a URL, or nothing."""
    try:
        answer = post(url, payload(key))
    except Unreached as unreached:
        return str(unreached)
    if answer.status_code in TAKEN:
        return ""
    if answer.is_redirect:
        return "sends it elsewhere, and Plex does not follow. Is it https? Then set PUBLIC_WEBHOOK_URL."
    return _REFUSALS.get(answer.status_code, f"refuses it (status {answer.status_code}).")


def find(config: PlexConfig, key: str) -> PlexWebhookLog | None:
    """The row of a sample, once it has arrived."""
    if not _KEY.fullmatch(key):
        return None
    return PlexWebhookLog.objects.filter(config=config, plex_rating_key=key).defer("payload").first()


def origin(url: str) -> str:
    """scheme://host[:port] of a URL, which bears no secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
