"""Whatever is sent, made up by the hundred: the answer is 2xx or 4xx, and afterwards every page still loads.

FUZZ_EXAMPLES asks for more than the 200 of the suite, and then for other ones each time.
"""

import json
import os

from django.contrib import admin
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from plex_integration.models import PlexAccount, PlexConflict, PlexShowMapping, PlexWebhookLog
from tests.plex_integration.test_webhook import BOUNDARY, FIELD, FILE, THUMB, form, post
from tests.world import payload, scrobble

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "200"))
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"

TEXT = st.text(st.characters(), max_size=20) | st.sampled_from(
    ["", "media.scrobble", "plex://show/1", "local://1", "tvdb://5", "\0", "2021-09-30", "5"],
)
NUMBERS = st.integers() | st.floats() | st.sampled_from([0, 1, -1, 2**31, 2**63 - 1, 1e16])
LEAVES = st.none() | st.booleans() | NUMBERS | TEXT
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=12,
)
EVENTS = [
    scrobble(), scrobble("iCarly"), scrobble("Severance (2022)"), payload("scrobble-new-agent"),
    payload("library-new-show"),
]
TOP = ["event", "user", "owner", "Account", "Server", "Player", "rating"]
FIELDS = [
    *scrobble()["Metadata"], "year", "duration", "originallyAvailableAt", "Guid", "grandparentSlug", "key",
    "grandparentKey",
]


def changed(event: dict, top: dict, metadata: dict | None) -> dict:
    """An event with some fields replaced, or without its Metadata."""
    return event | top | {"Metadata": None if metadata is None else event["Metadata"] | metadata}


def as_json(value: object) -> tuple[bytes, str]:
    return json.dumps(value).encode(), "application/json"


def as_form(value: object) -> tuple[bytes, str]:
    return form((FIELD, json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"))), MULTIPART


CHANGED = st.builds(
    changed, st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(TOP), JSON, max_size=2),
    st.none() | st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=5),
)
PARTS = st.lists(st.tuples(st.sampled_from([FIELD, FILE, THUMB, "A: b", ""]), st.binary(max_size=50)), max_size=5)
PIECES = [b"--", b"\r\n", BOUNDARY.encode(), FIELD.encode(), b'{"event": "x"}', b"\0", b";", b":"]
BODIES = st.one_of(
    CHANGED.map(as_json),
    CHANGED.map(as_form),
    JSON.map(as_json),
    st.binary(max_size=200).map(lambda data: (data or b" ", "application/json")),
    st.binary(max_size=200).map(lambda data: (form((FIELD, data)), MULTIPART)),
    PARTS.map(lambda parts: (form(*parts), MULTIPART)),
    st.lists(st.sampled_from(PIECES), max_size=20).map(lambda pieces: (b"".join(pieces) or b" ", MULTIPART)),
)


def load_every_admin_page(world) -> None:
    """The change lists and the detail pages of all that events make."""
    client = world.browser(HTTP_HOST="localhost")
    for model in (PlexWebhookLog, PlexConflict, PlexShowMapping, PlexAccount):
        if not admin.site.is_registered(model):
            continue
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        assert client.get(reverse(f"{name}_changelist")).status_code == 200
        for pk in model.objects.order_by("-pk").values_list("pk", flat=True)[:40]:
            assert client.get(reverse(f"{name}_change", args=[pk])).status_code == 200
    assert client.get("/").status_code == 200


def test_whatever_is_sent_is_answered_2xx_or_4xx_and_every_page_still_loads(world, settings):
    settings.PLEX_RATE_LIMIT = 0
    statuses: dict[int, int] = {}

    @hypothesis_settings(
        max_examples=EXAMPLES, derandomize=EXAMPLES <= 200, database=None, deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(BODIES)
    def sent(case):
        status = post(world, *case).status_code
        statuses[status] = statuses.get(status, 0) + 1
        assert 200 <= status < 300 or 400 <= status < 500, case
        world.work()
        broken = PlexWebhookLog.objects.filter(reason__startswith="Failed so far").first()
        assert broken is None, (broken.reason, case)

    sent()
    assert statuses.keys() >= {200, 202, 400}
    load_every_admin_page(world)
