"""The checks that set an event aside before anybody asks which show it is, in the order of the design."""

from plex_integration import outcomes
from plex_integration.models import PlexConfig
from plex_integration.outcomes import Outcome
from plex_integration.payloads import EFFECTIVE, LIBRARY_NEW, PLAY, SCROBBLE, PlexEvent

# What tells of a viewing, and so of whose it is. An owner's first pause comes before anything has linked them.
VIEWINGS = frozenset({SCROBBLE, PLAY})


def set_aside(
    event: PlexEvent, config: PlexConfig, viewer_id: int | None, *, is_left_out: bool = False,
) -> Outcome | None:
    """Why an event has no effect, or nothing. `viewer_id` is the user whose viewing it is, if any; `is_left_out` says
    that a person left its library out.
    """
    if event.event in VIEWINGS and viewer_id is None:
        name = event.account.title or f"number {event.account.account_id}"
        return outcomes.ignored(outcomes.UNLINKED, f"The Plex account {name} is linked to nobody here.")
    if not config.enabled:
        return outcomes.ignored(outcomes.INTEGRATION_DISABLED, "The connection to Plex is switched off.")
    if aside := _wrong_kind(event):
        return aside
    if is_left_out:
        return outcomes.ignored(outcomes.IGNORED, "Its library was left out in the settings of Plex.")
    return _adding_off(event, config)


def _wrong_kind(event: PlexEvent) -> Outcome | None:
    if event.event not in EFFECTIVE:
        return outcomes.ignored(outcomes.IGNORED, f"{event.event} changes nothing here.")
    if not event.is_tv:
        kind = event.kind or "unknown"
        return outcomes.ignored(outcomes.IGNORED, f"Only TV shows count, and this is of the kind {kind}.")
    if event.event == SCROBBLE and event.kind != "episode":
        return outcomes.ignored(outcomes.IGNORED, f"It is about a whole {event.kind}, not about an episode.")
    return None


def _adding_off(event: PlexEvent, config: PlexConfig) -> Outcome | None:
    if event.event == LIBRARY_NEW and not config.auto_add_shows:
        return outcomes.ignored(outcomes.AUTO_ADD_DISABLED, "Adding shows by itself is switched off.")
    return None
