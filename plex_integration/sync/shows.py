"""Which shows here the shows of a library are: by their mappings, else by the evidence as for an event."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import date

from django.db import IntegrityError, transaction

from plex_integration import adding, identification, mapping, processing
from plex_integration.client import ServerShow
from plex_integration.exceptions import TransientError
from plex_integration.identification import Identified
from plex_integration.library_items import LibraryEpisode, LibraryShow
from plex_integration.locks import lock
from plex_integration.mapping import Choice
from plex_integration.models import PlexConflict, PlexShowMapping
from plex_integration.payloads import PlexShow, about_show
from plex_integration.processing import Plan
from plex_integration.sync.session import Session, ShowPlace
from tvshows import catalogue
from tvshows.described import NewShow
from tvshows.matching import Match
from tvshows.models import TVShow
from tvshows.titles import normalise

CHUNK = 50  # shows that are decided in one transaction


def primary_guid(found: ServerShow) -> str:
    """The GUID by which people best know a show: TVDB's, else TMDB's, IMDb's, Plex's own."""
    ids = (("tvdb", found.ids.tvdb), ("tmdb", found.ids.tmdb), ("imdb", found.ids.imdb))
    return next((f"{name}://{value}" for name, value in ids if value), found.guid.text if found.guid else "")


def is_meant(found: ServerShow, title: str, year: int | None) -> bool:
    """Whether a show has the title, whatever its case and accents, and began in the year, where one is given."""
    wanted, held = normalise(title), normalise(found.title)
    years = {found.year, held.year} - {None}
    year = year or wanted.year
    return wanted.text == held.text and (year is None or year in years)


def place(session: Session, shows: Sequence[LibraryShow]) -> None:
    """Find or decide where shows belong; kept in the session. Asks TMDB, so no transaction may be open."""
    session.leaves.update({one.found.rating_key: one.leaves for one in shows})
    named = [_plex_show(one.found, session.server) for one in shows]
    new = {show.rating_key for show in mapping.free_of_rows(named)} if named else set()
    _decide(session, [
        one for one, show in zip(shows, named, strict=True)
        if show.rating_key in new or not _is_placed(session, show)
    ])


def place_shows_of(session: Session, items: Iterable[LibraryEpisode]) -> None:
    """The same for the shows of episodes; the server is asked for those that are not known yet."""
    shows = {one.show_rating_key: one for one in items if one.show_rating_key not in session.places}
    unknown = [
        key for key, one in shows.items()
        if not _is_placed(session, PlexShow(session.server, key, one.show_guid, one.show_title))
    ]
    if unknown:
        _decide(session, list(session.reader.shows_by_key(unknown)))


def _is_placed(session: Session, show: PlexShow) -> bool:
    """Whether the show's mapping says where it belongs."""
    with transaction.atomic():
        row = mapping.find(show)
        if session.dry_run:
            transaction.set_rollback(True)
    if row is None or not mapping.is_settled(row):
        return False
    session.places[show.rating_key] = ShowPlace.of(row)
    return True


def _plex_show(found: ServerShow, server: str) -> PlexShow:
    return PlexShow(server, found.rating_key, found.guid, found.title, found.year, ids=found.ids)


def _decide(session: Session, shows: Sequence[LibraryShow]) -> None:
    is_empty = not TVShow.objects.exists()
    plans = [(one, _plan(session, one.found, is_empty=is_empty)) for one in shows]
    # Questions last: each show that is added has them looked at again.
    plans.sort(key=lambda pair: pair[1].new is None and not (pair[1].matched and pair[1].matched.chosen))
    plans = _add_new(session, plans)
    for at in range(0, len(plans), CHUNK):
        with session.step():
            for one, plan in plans[at:at + CHUNK]:
                session.places[one.found.rating_key] = _settle(session, one, plan)


def _plan(session: Session, found: ServerShow, *, is_empty: bool) -> Plan:
    """What is known of the show and whether it would be a new one. TMDB's description follows by the sweep.

    In a catalogue that `is_empty` there is nothing to compare with.
    """
    show = _plex_show(found, session.server)
    event = about_show(show, section_key=found.library, air_date=found.first_aired)
    if session.dry_run:
        known = identification.described_by(event, found)
    else:
        known = identification.identify_found(event, session.config, found)
    matched = Match(None) if is_empty else identification.match_identified(known)
    new = _new_show(found, known) if found.title and adding.may_add(session.config, matched, known) else None
    return Plan(event, session.config, None, known, matched, new)


def _new_show(found: ServerShow, known: Identified) -> NewShow:
    """Its episodes come with the pages of the library."""
    ids = known.described.ids
    return NewShow(
        title=found.title, original_title=found.original_title, tmdb_id=ids.tmdb, tvdb_id=ids.tvdb, imdb_id=ids.imdb,
        first_aired=found.first_aired or (date(found.year, 1, 1) if found.year else None), overview=found.overview,
        network=found.network[:100], source=TVShow.Source.PLEX,
    )


def _add_new(
    session: Session, plans: Sequence[tuple[LibraryShow, Plan]],
) -> list[tuple[LibraryShow, Plan]]:
    """Add many shows at once that are certainly new and about which nothing is stored. Says which are left to decide
    one by one.
    """
    new = {plan.event.show.key: (one, plan.new) for one, plan in plans if plan.new and plan.event.show.key}
    done: set[str] = set()
    for at in range(0, len(new), CHUNK):
        keys = list(new)[at:at + CHUNK]
        with suppress(IntegrityError), session.step():  # an event may add the same show meanwhile: then one by one
            done |= _add_chunk(session, {key: new[key] for key in keys})
    return [pair for pair in plans if pair[0].found.rating_key not in done]


def _add_chunk(session: Session, new: dict[str, tuple[LibraryShow, NewShow]]) -> set[str]:
    for key in sorted(new):
        lock("show", key)
    free = mapping.free_of_rows(_plex_show(one.found, session.server) for one, _ in new.values())
    ours = catalogue.with_free_ids([new[show.key][1] for show in free])
    ours_by_id = {id(each) for each in ours}
    asked = set(PlexConflict.objects.open().filter(plex_show_key__in=list(new)).values_list("plex_show_key", flat=True))
    free = [show for show in free if id(new[show.key][1]) in ours_by_id and show.key not in asked]
    added = catalogue.add_shows([new[show.key][1] for show in free])
    pairs = [(show, row) for show, row in zip(free, added, strict=True) if row]
    TVShow.objects.filter(pk__in=[row.pk for _, row in pairs]).update(plex_synced=True, plex_last_sync=session.now)
    choices = [(show, processing.choice_of_new(new[show.key][1], row.pk)) for show, row in pairs]
    for (show, row), mapped in zip(pairs, mapping.write_new(choices, now=session.now), strict=True):
        session.run.added += 1
        session.status(f"Added show: {row.title}")
        is_new = session.dry_run
        session.untouched.add(row.pk)
        session.places[show.rating_key] = ShowPlace(marks=True, is_new=True) if is_new else ShowPlace.of(mapped)
    return {show.rating_key for show, _ in pairs}


def _settle(session: Session, one: LibraryShow, plan: Plan) -> ShowPlace:
    """Write what was decided, under the show's lock and on rows read again."""
    row = processing.find_locked(plan.event.show)
    if row is not None and mapping.is_settled(row):
        return ShowPlace.of(row)
    is_sure = plan.new or (plan.matched and plan.matched.chosen)
    if not is_sure and plan.known and plan.known.down and not plan.known.described.ids.tmdb:
        return ShowPlace()  # the next run asks again
    if not is_sure and not session.config.auto_add_shows and not one.viewed:
        return ShowPlace((row or mapping.write(plan.event.show, Choice(), now=session.now)).pk)
    try:
        decided = processing.decide(plan, row, session.now)
    except TransientError:  # an event adds it at this moment
        return ShowPlace()
    if not isinstance(decided, PlexShowMapping):
        session.run.asked += 1
        session.status(f"Asked which show this is: {one.found.title}")
        waiting = mapping.find(plan.event.show)
        return ShowPlace(waiting.pk if waiting else None)
    if plan.new:
        session.run.added += 1
        session.status(f"Added show: {one.found.title}")
    if session.dry_run:
        return ShowPlace(marks=True, is_new=True) if plan.new else ShowPlace(None, decided.tvshow_id, marks=True)
    return ShowPlace.of(decided)

