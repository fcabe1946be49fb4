"""What may become of an event: the verdict, what was done, and why, in words for a person."""

from dataclasses import dataclass, replace

MARKED = "marked_watched"
ALREADY = "already_watched"
ADDED_SHOW = "auto_added_show"
SHOW_EXISTS = "show_already_exists"
CONFLICT = "conflict_created"
AWAITING = "awaiting_resolution"
UNLINKED = "unlinked_account"
SYNC_DISABLED = "sync_disabled"
EPISODE_NOT_FOUND = "episode_not_found"
SHOW_NOT_NAMED = "show_not_named"
IGNORED = "ignored"
INTEGRATION_DISABLED = "integration_disabled"
AUTO_MARK_DISABLED = "auto_mark_disabled"
AUTO_ADD_DISABLED = "auto_add_disabled"
DUPLICATE = "duplicate"
ERROR = "error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`waits` says that a person has to decide first, so that the event is not done yet."""

    status: str
    action: str
    reason: str
    tvshow_id: int | None = None
    conflict_id: int | None = None
    waits: bool = False

    def because(self, reason: str) -> "Outcome":
        """The same with another reason."""
        return replace(self, reason=reason)

    def after(self, sentence: str) -> "Outcome":
        """The same with one more sentence behind its reason."""
        return replace(self, reason=f"{self.reason} {sentence}".strip())


def success(action: str, reason: str, tvshow_id: int | None = None) -> Outcome:
    """Something was done, or was done already."""
    return Outcome("success", action, reason, tvshow_id)


def ignored(action: str, reason: str, tvshow_id: int | None = None) -> Outcome:
    """Set aside, on purpose."""
    return Outcome("ignored", action, reason, tvshow_id)


def failed(action: str, reason: str, tvshow_id: int | None = None) -> Outcome:
    """It could not be done; a person may mend the cause and run it again."""
    return Outcome("failed", action, reason, tvshow_id)


def asked(*, conflict_id: int, first: bool, said: str = "") -> Outcome:
    """A person has to say which show it is; nothing is lost meanwhile. `said`: what services knew of it."""
    if first:
        reason = f"You are asked which show this is. {said}".strip()
        return Outcome("success", CONFLICT, reason, conflict_id=conflict_id, waits=True)
    return Outcome("received", AWAITING, "Waits until you say which show this is.", conflict_id=conflict_id, waits=True)
