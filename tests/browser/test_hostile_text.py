"""Markup and script in every field that Plex or TMDB fill: each page shows them as the text that they are."""

from datetime import UTC, date, datetime, timedelta
from itertools import cycle, islice
from types import SimpleNamespace
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from plex_integration import encryption
from plex_integration.models import (
    PlexAccount,
    PlexConfig,
    PlexConflict,
    PlexLibrary,
    PlexShowMapping,
    PlexWebhookLog,
    SyncRun,
)
from tests.once import before_release, once
from tests.tvshows import fake_tmdb
from tvshows.models import Episode, ShowTitle, TrackedShow, TVShow, Watch

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), once, before_release]

# Each would call ran() if a page took it for anything but text.
HOSTILE = [
    "<script>ran()</script>",
    "</script><script>ran()</script>",
    "</title><script>ran()</script>",
    "</textarea><script>ran()</script>",
    "<scr<script>ipt>ran()</scr</script>ipt>",
    "<ScRiPt/src=//127.0.0.1:9/ran.js></sCrIpT>",
    "<img src=x onerror=ran()>",
    '"><img src=x onerror=ran()>',
    "'><img src=x onerror='ran()'>",
    "<img src='x' onerror='&#114;an()'",
    '" onmouseover="ran()" autofocus onfocus="ran()" x="',
    "' onclick='ran()' style='position:fixed;inset:0' y='",
    "` onload=ran() z=`",
    "<svg onload=ran()>",
    "<svg><script>ran()</script></svg>",
    "<svg><animate onbegin=ran() attributeName=x dur=1s>",
    '<svg><a xlink:href="javascript:ran()"><text y=9>x</text></a></svg>',
    "<math><mtext><img src=x onerror=ran()></mtext></math>",
    "<body onload=ran()>",
    "<details open ontoggle=ran()>",
    "<iframe srcdoc='<script>parent.ran()</script>'></iframe>",
    "<object data=\"data:text/html,<script>ran()</script>\"></object>",
    '<a href="javascript:ran()">press me</a>',
    "javascript:ran()//",
    "data:text/html,<script>ran()</script>",
    "<base href=//127.0.0.1:9/><meta http-equiv=refresh content=99;url=//127.0.0.1:9>",
    '<form action="javascript:ran()"><button>Save accounts</button></form>',
    "<style>*{display:none}</style>",
    "</style><link rel=stylesheet href=data:text/css,*{display:none}>",
    "<div style='background:url(javascript:ran())'>",
    "<b hx-get=/logout hx-trigger=load hx-on::load=ran()>",
    '" hx-get="/settings/people" hx-trigger="load" hx-vals="js:{a:ran()}',
    "<!-- <b>", "--><img src=x onerror=ran()>",
    "]]><![CDATA[<img src=x onerror=ran()>",
    "{{ 7|add:7 }}{% debug %}{% load log %}{# x #}",
    "${ran()} {{constructor.constructor('ran()')()}} %(title)s {0.__class__}",
    "&lt;script&gt;ran()&lt;/script&gt; &amp;#60; &quot;",
    "\u202eren\u2066\u200b\ufeff\u200f\u0301\u0301 <b>",
    "\x1b[31m\x07\x08\x0b\x7f\x85 \ud83d\ude00'--; DROP\\".encode("utf-16", "surrogatepass").decode("utf-16"),
]
ALL = " ".join(HOSTILE)
NOW = datetime.now(UTC)

# What must not be in any page, whatever it was made from.
LOOK = """() => {
  const wrong = [];
  for (const one of document.querySelectorAll("*")) {
    if (["IFRAME", "OBJECT", "EMBED", "BASE", "MATH", "STYLE", "FRAME", "ANIMATE"].includes(one.tagName.toUpperCase())) wrong.push(one.outerHTML);
    if (one.matches("meta[http-equiv]") || (one.tagName === "SCRIPT" && !one.src && one.type !== "application/json")) wrong.push(one.outerHTML);
    for (const {name, value} of one.attributes) {
      const address = /^(src|href|action|formaction|xlink:href|data|hx-.*)$/.test(name);
      if (/^(on|hx-on|srcdoc$|hx-vals$)/.test(name) || (address && /^\\s*(javascript|data|vbscript):/i.test(value))) wrong.push(`${name}=${value}`);
      if (name === "style" && /ran|inset/.test(value)) wrong.push(value); // the admin's calendar has one of its own
    }
  }
  const fields = [...document.querySelectorAll("input, textarea")].map((one) => one.value);
  return {wrong, ran: window.ranOften, text: [document.title, document.documentElement.textContent, ...fields].join(" ")};
}"""


def turned(by: int, length: int = 255) -> list[str]:
    """The strings, each once, beginning with another one: so that a row's fields differ. Cut as columns are."""
    return [text[:length] for text in islice(cycle(HOSTILE), by, by + len(HOSTILE))]


@pytest.fixture
def _tmdb(settings):
    """A TMDB that finds two strings as each title, and them all as each description."""
    with fake_tmdb.running() as tmdb:
        settings.TMDB_API_URL, settings.TMDB_API_KEY = tmdb.url, fake_tmdb.KEY
        tmdb.answers["/search/tv"] = {"results": [
            {"id": number, "name": " ".join(HOSTILE[2 * number - 2:2 * number]), "original_name": HOSTILE[number], "overview": ALL,
             "poster_path": f"/{HOSTILE[-number]}", "first_air_date": HOSTILE[number]}
            for number in range(1, len(HOSTILE) // 2 + 1)
        ]}
        yield


@pytest.fixture
def hostile(live_server, _tmdb) -> SimpleNamespace:
    """A row of every kind for each string, and of each kind one that has them all."""
    owner = User.objects.create_superuser("robin")
    config = PlexConfig.objects.create(
        user=owner, plex_server_name=HOSTILE[7], plex_server_uuid=HOSTILE[0], plex_username=HOSTILE[2],
        plex_token=encryption.encrypt("token", field="plex_token"), plex_server_url="http://127.0.0.1:9",
    )
    shows = make_shows(owner)
    accounts = PlexAccount.objects.bulk_create(
        [PlexAccount(config=config, account_id=number, title=text) for number, text in enumerate(HOSTILE, 1)]
    )
    PlexLibrary.objects.bulk_create(
        [PlexLibrary(config=config, section_key=str(number), title=text, kind="show") for number, text in enumerate(HOSTILE)]
    )
    asked, settled = make_questions(shows, owner)
    mappings = PlexShowMapping.objects.bulk_create([
        PlexShowMapping(plex_show_key=f"{SERVER}{number}", plex_title=text, plex_guid=guid, plex_rating_key=key,
                        plex_server_uuid=server, tvshow=show, match_method="title_year", match_confidence="0.80")
        for number, (text, guid, key, server, show) in enumerate(zip(turned(3), HOSTILE, turned(1), turned(2, 64), shows, strict=True))
    ])
    events = make_events(config, accounts, shows, asked)
    SyncRun.objects.create(config=config, status="failed", title=HOSTILE[0], message=ALL, library=HOSTILE[7], item=HOSTILE[2])
    return SimpleNamespace(
        owner=owner, config=config.pk, show=shows[0].pk, episode=shows[0].episodes.earliest("pk").pk, person=owner.pk,
        asked=asked[0].pk, settled=settled[0].pk, mapping=mappings[0].pk, event=events[-1].pk, account=accounts[7].pk,
        watch=Watch.objects.earliest("pk").pk, sought=quote(HOSTILE[7]),
    )


SERVER = "5e7e7000aa11bb22"


def make_shows(owner: User) -> list[TVShow]:
    shows = TVShow.objects.bulk_create([
        TVShow(title=title, indexed_title=title, original_title=original, overview=ALL, network=network, airing=airing,
               poster=f"/{poster}", show_start_date=date(2020, 1, 1), source="plex")
        for title, original, network, airing, poster in zip(
            HOSTILE, turned(1), turned(2, 100), turned(3, 16), turned(4, 254), strict=True)
    ])
    ShowTitle.objects.bulk_create([
        ShowTitle(show=show, title=title, normalised=title.lower(), kind=ShowTitle.Kind.MAIN)
        for show, title in zip([*shows, *[shows[0]] * (len(HOSTILE) - 1)], [*HOSTILE, *HOSTILE[1:]], strict=True)
    ])
    owned = [(show, 1, text) for show, text in zip(shows, turned(5), strict=True)]
    episodes = Episode.objects.bulk_create([
        Episode(show=show, season_number=1, episode_number=number, title=text, air_date=date(2020, 1, 1), runtime=40)
        for show, number, text in [*owned, *[(shows[0], 1 + n, text) for n, text in enumerate(HOSTILE, 1)]]
    ])
    Watch.objects.bulk_create([
        Watch(user=owner, episode=episode, watched_at=NOW - timedelta(hours=number), source="plex")
        for number, episode in enumerate(episodes[:len(shows)])
    ])
    TrackedShow.objects.bulk_create([TrackedShow(user=owner, show=show) for show in shows])
    TrackedShow.objects.all().recount(NOW)
    return shows


def make_questions(shows: list[TVShow], owner: User) -> tuple[list[PlexConflict], list[PlexConflict]]:
    records = [
        {"tvshow_id": show.pk, "title": show.title, "year": 2020, "match_score": 0.7,
         "reasons": [{"sign": sign, "text": text} for sign in ("for", "against", "unknown")]}
        for show, text in zip(shows, turned(6), strict=True)
    ]
    common = {"conflict_type": "multiple_matches", "potential_matches": records}
    asked = [
        PlexConflict(plex_show_key=f"a{number}", plex_title=title, plex_guid=guid, plex_rating_key=key,
                     evidence={"said": HOSTILE, "ids": {"tmdb": title, "tvdb": guid, "imdb": key}, key: title}, **common)
        for number, (title, guid, key) in enumerate(zip(HOSTILE, turned(1), turned(2), strict=True))
    ]
    settled = [
        PlexConflict(plex_show_key=f"s{number}", plex_title=title, plex_guid=title, resolved=True, resolved_at=NOW,
                     resolved_by=owner, resolved_tvshow=show, resolution_action=action, evidence={"said": HOSTILE}, **common)
        for number, (title, show, action) in enumerate(
            zip(HOSTILE, shows, cycle(["user_selected", "ignored"]), strict=False))
    ]
    PlexConflict.objects.bulk_create([*asked, *settled])
    return asked, settled


def make_events(config: PlexConfig, accounts: list[PlexAccount], shows: list[TVShow], asked: list[PlexConflict]) -> list[PlexWebhookLog]:
    payload = {
        "event": "media.scrobble", **dict(zip(HOSTILE, turned(1), strict=True)), "Account": {"id": 1, "title": HOSTILE[6]},
        "Server": {"title": HOSTILE[7], "uuid": HOSTILE[8]}, "Player": {"title": HOSTILE[9], "uuid": HOSTILE[0]},
        "Metadata": {"type": "episode", "librarySectionType": "show", "librarySectionTitle": HOSTILE[13], "summary": ALL,
                     "grandparentTitle": HOSTILE[1], "title": HOSTILE[3], "index": 99, "parentIndex": 1},
    }
    endings = cycle([("failed", "episode_not_found"), ("success", "marked_watched"), ("ignored", "unlinked_account"), ("failed", "error")])
    return PlexWebhookLog.objects.bulk_create([
        PlexWebhookLog(
            config=config, account=account, event_type=kind, plex_title=title, plex_episode_title=episode, reason=ALL,
            error_message=ALL, plex_show_key=f"{SERVER}{number}", plex_show_guid=title, plex_rating_key=episode, plex_season=1,
            plex_episode=99, payload=payload, status=status, action_taken=action, tvshow=show, conflict=asked[0], done_at=NOW,
            created_at=NOW - timedelta(minutes=number),
        )
        for number, (account, kind, title, episode, show, (status, action)) in enumerate(
            zip(accounts, turned(9, 64), HOSTILE, turned(4), shows, endings, strict=False))
    ])


# What each page shows: all of the strings, or some of them by their places.
EVERY = range(len(HOSTILE))
PAGES = {
    "/": [0, 1], "/shows": EVERY, "/shows/add?q={sought}": EVERY, "/shows/{show}": EVERY, "/shows/episodes/{episode}": [0, 5], "/statistics": [0],
    "/settings/plex": EVERY, "/settings/plex/conflicts": EVERY, "/settings/plex/conflicts/{asked}?q={sought}": EVERY,
    "/settings/plex/conflicts/{settled}": [0], "/settings/plex/activity": EVERY, "/settings/plex/activity/{event}": EVERY,
    "/settings/plex/mappings": EVERY, "/settings/plex/mappings/{mapping}": [0, 3], "/settings/plex/sync": EVERY,
    "/settings/people/{person}": EVERY,
    "/admin/plex_integration/plexconflict/": EVERY, "/admin/plex_integration/plexconflict/{asked}/change/": EVERY,
    "/admin/plex_integration/plexconflict/{settled}/change/": [0], "/admin/plex_integration/plexshowmapping/": EVERY,
    "/admin/plex_integration/plexshowmapping/{mapping}/change/": [0, 3],
    "/admin/plex_integration/plexwebhooklog/": EVERY, "/admin/plex_integration/plexwebhooklog/{event}/change/": EVERY,
    "/admin/plex_integration/plexaccount/": EVERY, "/admin/plex_integration/plexaccount/{account}/change/": [7],
    "/admin/plex_integration/plexconfig/{config}/change/": [7], "/admin/tvshows/tvshow/": EVERY,
    "/admin/tvshows/tvshow/{show}/change/": EVERY, "/admin/tvshows/tvshow/{show}/delete/": [0],
    "/admin/tvshows/watch/": EVERY, "/admin/tvshows/watch/{watch}/change/": [5],
}


def test_no_page_takes_text_from_plex_or_tmdb_for_markup_or_script(page, live_server, hostile, complaints):
    dialogs: list[str] = []
    prepare(page, live_server, hostile.owner, dialogs)
    found = {}
    for path, places in PAGES.items():
        answer = page.goto(f"{live_server.url}{path.format(**vars(hostile))}", wait_until="domcontentloaded")
        assert answer.ok, path
        found[path] = wrong_with(page, [HOSTILE[place] for place in places])
    page.goto(f"{live_server.url}/settings/plex/activity")
    page.get_by_role("link", name="Details").first.click()
    page.get_by_role("dialog").get_by_text("Player").first.wait_for()
    found["the dialog"] = wrong_with(page, HOSTILE)
    assert {path: wrong for path, wrong in found.items() if wrong} == {}
    assert (dialogs, complaints) == ([], [])


def prepare(page, live_server, owner: User, dialogs: list[str]) -> None:
    """As the owner; with something to hear that a script ran, and without the world outside."""
    client = Client()
    client.force_login(owner)
    cookie = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value}
    page.context.add_cookies([{**cookie, "url": live_server.url}])
    page.add_init_script("window.ranOften = 0; window.ran = () => { window.ranOften += 1; };")
    page.route("https://image.tmdb.org/**", lambda route: route.fulfill(path="static/icon.svg"))
    page.route("**/settings/plex/check", lambda route: route.fulfill(body=""))
    page.route("**/*.css", lambda route: route.fulfill(body="", content_type="text/css"))  # nobody looks at it, and it takes time
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))


def wrong_with(page, wanted: list[str]) -> list[str]:
    """Markup that does not belong to us, and text that is not to be read as it was written."""
    seen = page.evaluate(LOOK)
    text = plain(seen["text"])
    missing = [f"not shown: {one!r}" for one in wanted if plain(one) not in text]
    return [*seen["wrong"], *missing, *(["a script ran"] if seen["ran"] else [])]


def plain(text: str) -> str:
    """Without white space, which HTML shows in its own way."""
    return "".join(text.split())
