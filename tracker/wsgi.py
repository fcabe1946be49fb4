"""What the web server calls."""

import os
import re
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
os.environ.setdefault("TRACKER_PROCESS", "web")

from django.core.wsgi import get_wsgi_application  # noqa: E402

_django = get_wsgi_application()
_CHARSET = re.compile(r";\s*charset\*?=[^;]*", re.IGNORECASE)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Everything here is UTF-8. Django would decode the query by a sender's charset too, and some name no text at all."""
    environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
    return _django(environ, start_response)
