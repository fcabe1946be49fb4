"""Plays in the server's history by accounts that are nobody's: the accounts are kept, and the run says how many."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from plex_integration.accounts import OWNER_ID
from plex_integration.library_items import HistoryRow
from plex_integration.models import PlexAccount, SyncRun
from plex_integration.sync.session import Session
from tvshows.exceptions import ServiceRefused

MOST_NAMED = 3  # accounts

Plays = Mapping[int, Sequence[datetime]]  # by account


@dataclass(frozen=True, slots=True)
class Aside:
    """Plays that are nobody's, and their accounts: those that were never seen, and all about which nobody decided."""

    plays: Plays
    new: Sequence[PlexAccount] = ()
    undecided: Sequence[PlexAccount] = ()


def look(session: Session, rows: Sequence[HistoryRow], *, told: datetime | None) -> Aside:
    """What of these rows is nobody's; the server is asked for the names of new accounts. Changes nothing.

    What an earlier run has `told` counts again only where a person asks for what is older.
    """
    plays = _of_nobody(session, rows, since=None if session.run.older else told)
    if not plays:
        return Aside(plays)
    known = {one.account_id: one for one in PlexAccount.objects.filter(config=session.config, account_id__in=plays)}
    titles = _titles(session) if plays.keys() - known.keys() else {}
    new = [_stranger(session, key, titles, at) for key, at in plays.items() if key not in known]
    undecided = [one for one in known.values() if one.linked_by != PlexAccount.LinkedBy.PERSON]
    return Aside(plays, new, [*new, *undecided])


def take(session: Session, aside: Aside) -> None:
    """Store the new accounts, and count."""
    PlexAccount.objects.bulk_create(aside.new, ignore_conflicts=True)
    for one in aside.undecided:
        _count(session, one, aside.plays[one.account_id or 0])


def _of_nobody(session: Session, rows: Sequence[HistoryRow], *, since: datetime | None) -> Plays:
    """The plays that count, of accounts that are linked to nobody; whose the owner's are, is known."""
    plays: defaultdict[int, list[datetime]] = defaultdict(list)
    first = max(session.since, since.timestamp() if since else 0)
    for row in rows:
        is_nobodys = row.account_id != OWNER_ID and not session.viewers.get(row.account_id)
        if is_nobodys and first <= row.viewed_at <= session.now.timestamp():
            plays[row.account_id].append(datetime.fromtimestamp(row.viewed_at, UTC))
    return plays


def _titles(session: Session) -> Mapping[int, str]:
    """What the server calls its accounts, asked once; one that does not tell stops nothing."""
    if session.account_titles is None:
        try:
            session.account_titles = {one.account_id: one.title for one in session.reader.server.accounts()}
        except ServiceRefused:
            session.account_titles = {}
    return session.account_titles


def _stranger(session: Session, account_id: int, titles: Mapping[int, str], at: Sequence[datetime]) -> PlexAccount:
    return PlexAccount(
        config=session.config, account_id=account_id, title=titles.get(account_id, ""),
        first_seen=min(at), last_seen=max(at),
    )


def _count(session: Session, account: PlexAccount, at: Sequence[datetime]) -> None:
    counted = session.run.details.setdefault("set_aside", {}).setdefault(str(account.account_id), [str(account), 0])
    counted[1] += len(at)
    theirs = PlexAccount.objects.filter(config=session.config, account_id=account.account_id)
    theirs.filter(last_seen__lt=max(at)).update(last_seen=max(at))


def summary(run: SyncRun) -> str:
    """What of the history the run has set aside, in a sentence, or nothing."""
    found = sorted(run.details.get("set_aside", {}).values(), key=lambda one: -one[1])
    if not found:
        return ""
    named = [f"{number} {'play' if number == 1 else 'plays'} of {title}" for title, number in found[:MOST_NAMED]]
    if rest := sum(number for _, number in found[MOST_NAMED:]):
        named.append(f"{rest} of others")
    are = "is" if sum(number for _, number in found) == 1 else "are"
    listed = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
    return f"{listed} {are} set aside: linked to nobody."
