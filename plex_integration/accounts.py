"""Whose viewing an event is: Plex accounts, and the people of this tracker that they are linked to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from plex_integration.locks import lock
from plex_integration.models import PlexAccount, PlexConfig, SyncCursor
from plex_integration.payloads import PLAY, SCROBBLE, PlexEvent
from tvshows import rows

SEEN_STEP = timedelta(hours=1)  # how exactly "last seen" is kept, to spare a write for each event
COPY_WINDOW = timedelta(seconds=300)  # the same event within this time is a copy
OWNER_ID = 1  # the account id under which a server knows its owner, on some servers

# The account, or a row of NULLs; whether an event with the same key had an effect in these minutes, or will have one
# (copies of copies do not count, nor what a clock that was wrong put into the future); whether its library is left out.
# Plain SQL, like the other queries that each event costs: Django takes several times as long to write one as the
# database to answer it.
_AT_ARRIVAL = """
SELECT account.*, EXISTS (
    SELECT 1 FROM plex_webhook_logs
    WHERE dedup_key = %(key)s AND created_at BETWEEN %(since)s AND %(until)s AND status IN ('received', 'success')
) AS is_copy, EXISTS (
    SELECT 1 FROM plex_libraries WHERE config_id = %(config)s AND section_key = %(section)s AND NOT enabled
) AS is_left_out
FROM (SELECT 1 AS one) AS always LEFT JOIN plex_accounts AS account
ON account.config_id = %(config)s AND
"""
_BY_ID = "account.account_id = %(account)s"
_BY_TITLE = "account.account_id IS NULL AND account.title = %(title)s"  # where Plex sends no id


@dataclass(frozen=True, slots=True)
class Recognised:
    """Whose event it is, stored and linked where a rule says so; whether it is a copy, or of a library left out."""

    account: PlexAccount | None
    is_copy: bool
    is_left_out: bool


def recognise(event: PlexEvent, config: PlexConfig, *, now: datetime) -> Recognised:
    """What has to be known of an event when it arrives. One query where the account is known, as nearly always."""
    found = _find(event, config, now)
    is_copy, is_left_out = bool(vars(found)["is_copy"]), bool(vars(found)["is_left_out"])
    if not event.account:
        return Recognised(None, is_copy, is_left_out)
    if found.pk is None:
        found = _store(event, config, now)
    else:
        _touch(found, event, now)
    return Recognised(_link(found, event, config), is_copy, is_left_out)


def _find(event: PlexEvent, config: PlexConfig, now: datetime) -> PlexAccount:
    """The account that an event names, without an id where there is none, with `is_copy` and `is_left_out`."""
    as_stored = connection.ops.adapt_datetimefield_value
    [found] = rows.read(
        PlexAccount, _AT_ARRIVAL + (_BY_TITLE if event.account.account_id is None else _BY_ID),
        {
            "key": event.dedup_key(config.pk) or None,  # an event without one is nobody's copy
            "since": as_stored(now - COPY_WINDOW), "until": as_stored(now + COPY_WINDOW),
            "config": config.pk, "section": event.section_on(config.plex_server_uuid),
            "account": event.account.account_id, "title": event.account.title,
        },
    )
    return found


def viewer_of(event: PlexEvent, config: PlexConfig, account: PlexAccount | None) -> int | None:
    """The user whose viewing it is: the linked one; the connection's where the event names no account; else nobody."""
    if not event.account:
        return config.user_id
    return account.user_id if account else None


def _store(event: PlexEvent, config: PlexConfig, now: datetime) -> PlexAccount:
    by_id = event.account.account_id is not None
    title = {"title": event.account.title}
    seen = {"first_seen": now, "last_seen": now}
    account, _ = PlexAccount.objects.get_or_create(
        config=config, account_id=event.account.account_id, **({} if by_id else title),
        defaults={**seen, **(title if by_id else {})},
    )
    return account


def _touch(account: PlexAccount, event: PlexEvent, now: datetime) -> None:
    """Keep the title and the time last seen, the latter to the hour."""
    title = event.account.title or account.title
    if title != account.title or now - account.last_seen > SEEN_STEP:
        account.title, account.last_seen = title, now
        account.save(update_fields=["title", "last_seen"])


def _link(account: PlexAccount, event: PlexEvent, config: PlexConfig) -> PlexAccount:
    """Link to the connection's user by the rules: account 1 as user and owner, or the first such while none is linked.

    No flag is proof: a friend's play on our server says `user: false, owner: true`, ours on another's `owner: false`.
    """
    if account.linked_by or account.user_id or event.event not in {SCROBBLE, PLAY} or not (event.user and event.owner):
        return account
    lock("accounts", config.pk)
    others_linked = PlexAccount.objects.filter(config=config).exclude(linked_by=PlexAccount.LinkedBy.NOBODY).exists()
    if account.account_id != OWNER_ID and others_linked:
        return account
    # A person may have chosen since it was read: then theirs stands.
    untouched = PlexAccount.objects.filter(pk=account.pk, linked_by=PlexAccount.LinkedBy.NOBODY)
    if untouched.update(user=config.user_id, linked_by=PlexAccount.LinkedBy.RULE):
        account.user_id, account.linked_by = config.user_id, PlexAccount.LinkedBy.RULE
    else:
        account.refresh_from_db(fields=["user", "linked_by"])
    return account


def link(account: PlexAccount, *, user_id: int | None) -> None:
    """Link an account to a person, or to nobody; a rule never redoes what a person chose. What the account had watched
    before follows with the next run of the sync.
    """
    account.user_id, account.linked_by = user_id, PlexAccount.LinkedBy.PERSON
    account.save(update_fields=["user", "linked_by"])
    if user_id and account.account_id is not None:
        SyncCursor.objects.rewind_history(account.config_id)
