"""Whose viewing an event is: Plex accounts, and the people of this tracker that they are linked to."""

from datetime import datetime, timedelta

from django.db.models import BigIntegerField, CharField, DateTimeField, Exists

from plex_integration.locks import lock
from plex_integration.models import PlexAccount, PlexConfig, PlexWebhookLog
from plex_integration.payloads import PLAY, SCROBBLE, PlexEvent
from tvshows.prepared import Given, Prepared

SEEN_STEP = timedelta(hours=1)  # how exactly "last seen" is kept, to spare a write for each event
COPY_WINDOW = timedelta(seconds=300)
OWNER_ID = 1  # the account id under which a server knows its owner, on some servers

_copies = PlexWebhookLog.objects.effective_copies(Given("key", CharField()), Given("since", DateTimeField()))
_numbered = Prepared(lambda: PlexAccount.objects.filter(
    config=Given("config", BigIntegerField()), account_id=Given("account", BigIntegerField()),
).annotate(is_copy=Exists(_copies)).order_by("pk"))


def recognise(event: PlexEvent, config: PlexConfig, *, now: datetime) -> tuple[PlexAccount | None, bool]:
    """The account that an event names (stored, and linked where a rule says so), and whether the event is a copy.

    Both in one query where the account has a number, as nearly every event's.
    """
    key, since, number = event.dedup_key(config.pk), now - COPY_WINDOW, event.account.account_id
    if number is not None and (found := _numbered(config=config.pk, account=number, key=key, since=since)):
        _touch(found[0], event, now)
        return _link(found[0], event, config), bool(vars(found[0])["is_copy"])
    is_copy = PlexWebhookLog.objects.effective_copies(key, since).exists()
    account = _named(event, config, now)
    return _link(account, event, config) if account else None, is_copy


def _named(event: PlexEvent, config: PlexConfig, now: datetime) -> PlexAccount | None:
    """The account that an event names, if it names one; stored where it is new."""
    if not event.account:
        return None
    account = PlexAccount.objects.named(config.pk, event.account.account_id, event.account.title).first()
    if account is None:
        return _store(event, config, now)
    _touch(account, event, now)
    return account


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
    """Link an account to a person, or to nobody; a rule never redoes what a person chose."""
    account.user_id, account.linked_by = user_id, PlexAccount.LinkedBy.PERSON
    account.save(update_fields=["user", "linked_by"])
