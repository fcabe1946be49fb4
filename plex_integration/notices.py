"""Telling the people who run this installation something that they did not come to read: by e-mail, and by NOTIFY_URLS.

Nothing is told where neither EMAIL_URL nor NOTIFY_URLS is set.
"""

import logging
import smtplib
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import send_mail

from plex_integration import digest, monitoring
from plex_integration.exceptions import PlexIntegrationError
from plex_integration.models import InstallationValue

logger = logging.getLogger(__name__)

TOLD_AGAIN_AFTER = timedelta(days=1)
REPORT = "Plex report"


class NotToldError(PlexIntegrationError):
    """Some or all of the ways failed; the message says which and why, without secrets."""


def is_wanted() -> bool:
    """Whether there is any way to tell somebody."""
    return bool(settings.EMAIL_URL or settings.NOTIFY_URLS)


def tell(subject: str, text: str) -> None:
    """Send it in every way that is set; NotToldError when one of them failed, after all were tried."""
    problems = [problem for problem in (*_by_email(subject, text), *_by_url(subject, text)) if problem]
    if problems:
        raise NotToldError(" ".join(problems))


def _by_email(subject: str, text: str) -> list[str]:
    if not settings.EMAIL_URL:
        return []
    staff = User.objects.filter(is_staff=True, is_active=True).exclude(email="")
    addresses = list(staff.values_list("email", flat=True))
    if not addresses:
        return ["EMAIL_URL is set, but none of the staff has an e-mail address: enter one under People."]
    try:
        send_mail(f"[Tracker] {subject}", text, None, addresses)
    except (OSError, smtplib.SMTPException) as problem:
        return [f"The mail server did not take the message ({type(problem).__name__}): check EMAIL_URL."]
    return []


def _by_url(subject: str, text: str) -> list[str]:
    if not settings.NOTIFY_URLS:
        return []
    import apprise  # large, and only read where it is wanted

    problems = []
    for url in settings.NOTIFY_URLS:
        scheme, way = url.partition(":")[0], apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if way is None:
            problems.append(f"NOTIFY_URLS has an address of {scheme}:// that Apprise does not know.")
        elif not way.notify(title=subject, body=text):
            problems.append(f"{way.service_name or scheme} did not take the message: check its address in NOTIFY_URLS.")
    return problems


def report(*, days: int, with_patterns: bool = False, now: datetime) -> None:
    """Tell what came of everything in the last `days`."""
    if is_wanted():
        found = digest.digest(since=now - timedelta(days=days), until=now)
        tell(f"{REPORT} of {days} days", digest.as_text(found, with_patterns=with_patterns))


def needs(*, now: datetime) -> None:
    """Tell what waits for a person, and each alarm, when it comes up, and once a day while it lasts."""
    if not is_wanted():
        return
    found = monitoring.needs(now, worker_runs=True)  # it is the worker that looks
    fresh = [need for need in found if _is_due(need.kind, now)]
    if fresh:
        tell(fresh[0].title, "\n\n".join(f"{need.title}\n{need.text}" for need in fresh))
        for need in fresh:  # what could not be told is tried again
            InstallationValue.objects.update_or_create(name=_told(need.kind), defaults={"updated_at": now})


def _told(kind: str) -> str:
    return f"told_{kind}"[:32]


def _is_due(kind: str, now: datetime) -> bool:
    """Whether it was not told within a day."""
    told = InstallationValue.objects.filter(name=_told(kind), updated_at__gte=now - TOLD_AGAIN_AFTER)
    return not told.exists()
