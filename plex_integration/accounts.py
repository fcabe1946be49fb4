"""Whose viewing an event is: Plex accounts, and the people of this tracker that they are linked to."""

from datetime import datetime, timedelta

from django.db.models import Exists

from plex_integration.locks import lock
from plex_integration.models import PlexAccount, PlexConfig, PlexWebhookLog
from plex_integration.payloads import PLAY, SCROBBLE, PlexEvent

SEEN_STEP = timedelta(hours=1)  # how exactly "last seen" is kept, to spare a write for each event
OWNER_ID = 1  # the account id under which a server knows its owner, on some servers


def recognise(event: PlexEvent, config: PlexConfig, *, now: datetime) -> tuple[PlexAccount | None, bool]:
    """The account that an event names (stored, and linked where a rule says so), and whether the event is a copy.

    Both in one query where the account is known, as nearly every event's is.
    """
    copies = PlexWebhookLog.objects.effective_copies(event.dedup_key(config.pk), now)
    if not event.account:
        return None, copies.exists()
    named = PlexAccount.objects.named(config.pk, event.account.account_id, event.account.title)
    account = named.annotate(is_copy=Exists(copies)).first()
    if account is None:
        return _link(_store(event, config, now), event, config), copies.exists()
    _touch(account, event, now)
    return _link(account, event, config), bool(vars(account)["is_copy"])


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
