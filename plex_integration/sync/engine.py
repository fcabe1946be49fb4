"""A run of the sync from its beginning to its end. No transaction is open while the server is asked."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic, sleep
from typing import Any

from django.db import connection
from django.utils import timezone

from plex_integration import identification, libraries
from plex_integration.accounts import OWNER_ID
from plex_integration.client import UNAUTHORIZED, Library, PlexServer
from plex_integration.connecting import server_of
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.library_items import PAGE_SIZE, LibraryReader
from plex_integration.models import PlexConfig, PlexLibrary, SyncCursor, SyncRun
from plex_integration.sync import history, metadata, runs, strangers
from plex_integration.sync.reports import Reporter
from plex_integration.sync.session import Session, viewers_of
from tvshows import catalogue
from tvshows.exceptions import ServiceError, ServiceRefused

GOES_ON = "What was read so far stays; the next run goes on from there."
TOKEN_REFUSED = "The Plex server does not take the token any more. Sign in with Plex again, in the settings of Plex."  # noqa: S105  (words about one)


class NotFound(PlexIntegrationError):  # noqa: N818  (what became of it)
    """The server has no show of the title; the message says so."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run shall do. `first_pass`: read whole libraries that were never read; `older`: also what was watched
    before the connection was made; `server`: another than the connected one, with its identifier.
    """

    scope: str = SyncRun.Scope.ALL
    title: str = ""
    year: int | None = None
    section: str = ""
    page_size: int = PAGE_SIZE
    first_pass: bool = True
    older: bool = False
    dry_run: bool = False
    user_id: int | None = None
    seconds: float | None = None  # after which it pauses, to go on in another slice
    server: PlexServer | None = None
    server_uuid: str = ""
    reporter: Reporter = field(default_factory=Reporter)


def sync(config: PlexConfig, wanted: Wanted, *, now: datetime) -> SyncRun:
    """One run, to its end; what became of it is in the row that comes back. Raises Busy, PlexIntegrationError where
    there is nobody to ask.
    """
    server = _server(config, wanted)
    run = new_run(config, wanted, now=now)
    if not wanted.dry_run:
        runs.claim(run, now=now)
    with _counted(run):
        _work(config, wanted, run, server)
    return run


def go_on(run: SyncRun, *, seconds: float) -> bool:
    """A slice of a run that was begun. Says whether it is over; else another slice has to follow."""
    first_pass = run.scope == SyncRun.Scope.ALL
    wanted = Wanted(
        scope=run.scope, title=run.title, year=run.year, older=run.older, first_pass=first_pass, seconds=seconds,
    )
    with _counted(run):
        try:
            server = _server(run.config, wanted)
        except PlexIntegrationError as problem:
            runs.finish(run, status=SyncRun.Status.FAILED, message=str(problem), now=timezone.now())
            return True
        return _work(run.config, wanted, run, server)


def new_run(config: PlexConfig, wanted: Wanted, *, now: datetime) -> SyncRun:
    """The row of a run that is not begun."""
    return SyncRun(
        config=config, scope=wanted.scope, title=wanted.title, year=wanted.year, older=wanted.older,
        started_by_id=wanted.user_id, started_at=now,
    )


def _server(config: PlexConfig, wanted: Wanted) -> PlexServer:
    if not config.enabled:
        raise PlexIntegrationError("The connection to Plex is switched off. Switch it on in the settings of Plex.")
    server = wanted.server or server_of(config)
    if server is None:
        raise PlexIntegrationError("There is no Plex server yet: connect one first, in the settings of Plex.")
    return server


@contextmanager
def _counted(run: SyncRun) -> Iterator[None]:
    """Count what the run asks of the database."""
    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        run.queries += not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))
        return execute(sql, *rest)

    with connection.execute_wrapper(count):
        yield


def _work(config: PlexConfig, wanted: Wanted, run: SyncRun, server: PlexServer) -> bool:
    """The work, and how it ended. Whatever ends it, the row says so. Says whether it is over."""
    asked_before = run.requests
    status, message = SyncRun.Status.LOST, "It was interrupted. The next run goes on from there."
    try:
        message = _read(config, wanted, run, server)
        status = SyncRun.Status.DONE
    except runs.Paused:
        status = _paused(run)
    except runs.Cancelled as stopped:
        status, message = SyncRun.Status.CANCELLED, str(stopped)
    except NotFound as problem:
        status, message = SyncRun.Status.FAILED, str(problem)
    except (ServiceError, PlexIntegrationError) as problem:
        refused = isinstance(problem, ServiceRefused) and problem.status == UNAUTHORIZED
        status = SyncRun.Status.FAILED
        message = f"{TOKEN_REFUSED if refused else problem} {GOES_ON}"
    finally:
        run.requests = asked_before + server.requests
        if wanted.dry_run:
            run.status, run.message, run.finished_at = status, message, timezone.now()
        elif status != SyncRun.Status.RUNNING:
            runs.finish(run, status=status, message=message, now=timezone.now())
    return status != SyncRun.Status.RUNNING


def _paused(run: SyncRun) -> SyncRun.Status:
    """Between two slices: how far it is, for the next one."""
    try:
        runs.advance(run)
    except runs.Cancelled:
        return SyncRun.Status.CANCELLED
    return SyncRun.Status.RUNNING


def _read(config: PlexConfig, wanted: Wanted, run: SyncRun, server: PlexServer) -> str:
    """Both streams of every library that counts. Says what a person should know at the end."""
    def wait(seconds: float) -> None:
        wanted.reporter.note(f"The Plex server asks to be left alone for {seconds:g} seconds. Waiting.")
        sleep(seconds)

    reader = LibraryReader(server, page_size=wanted.page_size, pause=wait)
    viewers = viewers_of(config)
    session = Session(
        config, reader, wanted.server_uuid or config.plex_server_uuid, run, wanted.reporter, run.started_at,
        since=1 if wanted.older else int(config.sync_started_date.timestamp()), dry_run=wanted.dry_run,
        owner_id=viewers[OWNER_ID], viewers=viewers, asked_before=run.requests,
        deadline=None if wanted.seconds is None else monotonic() + wanted.seconds,
    )
    with _asking(config, wanted):
        if not wanted.dry_run:
            catalogue.index_stale_titles()
        counted, left_out = _libraries(config, server, wanted)
        cursors = _cursors(session)
        shown = [key for one in counted for key in _read_library(session, one, wanted, cursors, counted)]
        if wanted.scope == SyncRun.Scope.SHOW:
            return _end_of_shows(session, wanted, shown)
        stream = cursors("")
        if not run.details.get("history_read"):
            metadata.read_decided(session, sections=[one.key for one in counted], since=stream.checked_at)
            if run.details.get("in_part") and (wanted.older or not stream.viewed_since):
                history.mark_what_is_stored(session)
            history.read(session, stream, left_out)
            run.details["history_read"] = True
    return _in_the_end(run)


def _in_the_end(run: SyncRun) -> str:
    """What a person should know of a run that is over."""
    unwatched = f"{run.unwatched} episodes are not watched in Plex any more. They stay watched here."
    return " ".join(filter(None, [unwatched if run.unwatched else "", strangers.summary(run)]))


@contextmanager
def _asking(config: PlexConfig, wanted: Wanted) -> Iterator[None]:
    """Around all requests: whether the server answers is remembered, but not of one that was named for this run."""
    if wanted.dry_run or wanted.server:
        yield
        return
    with identification.asking(config):
        yield


def _end_of_shows(session: Session, wanted: Wanted, shown: Sequence[str]) -> str:
    if wanted.older and shown:
        history.mark_what_is_stored(session, shows=shown)
    if shown:
        return ""
    year = f" ({wanted.year})" if wanted.year else ""
    raise NotFound(f"No show on the server is called {wanted.title}{year}.")


def _libraries(config: PlexConfig, server: PlexServer, wanted: Wanted) -> tuple[list[Library], set[str]]:
    """The sections of shows that count, and the keys of those that a person left out."""
    there = server.libraries()
    known = {row.section_key: row.enabled for row in PlexLibrary.objects.filter(config=config)}
    ours = not wanted.server_uuid or wanted.server_uuid == config.plex_server_uuid
    if ours and not wanted.dry_run and {one.key for one in there} - known.keys():
        libraries.refresh_libraries(config)
    left_out = {key for key, counts in known.items() if not counts} if ours else set()
    counted = [one for one in there if one.kind == "show" and one.key not in left_out]
    if wanted.section:
        counted = [one for one in there if one.key == wanted.section]
        if not counted:
            keys = ", ".join(f"{one.key} ({one.title})" for one in there if one.kind == "show") or "none"
            raise PlexIntegrationError(f"The server has no section {wanted.section}. Its sections of shows: {keys}.")
    return counted, left_out


def _cursors(session: Session) -> Callable[[str], SyncCursor]:
    """How far each stream was read; "" is the history's."""
    held = SyncCursor.objects.filter(config=session.config, server_uuid=session.server)
    rows = {row.section_key: row for row in held}

    def cursor(section: str) -> SyncCursor:
        return rows.get(section) or SyncCursor(config=session.config, server_uuid=session.server, section_key=section)

    return cursor


def _read_library(
    session: Session, library: Library, wanted: Wanted, cursors: Callable[[str], SyncCursor],
    counted: Sequence[Library],
) -> list[str]:
    run, number = session.run, [one.key for one in counted].index(library.key) + 1
    run.library, run.library_number, run.libraries = library.title, number, len(counted)
    session.reporter.library(library.title, number, len(counted))
    if wanted.scope == SyncRun.Scope.SHOW:
        return metadata.read_shows(session, library, wanted.title, wanted.year)
    done = run.details.setdefault("read", [])  # by earlier slices of this run
    if library.key not in done:
        metadata.read(session, library, cursors(library.key), first_pass=wanted.first_pass)
        done.append(library.key)
    return []

