"""What the web server calls."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tracker.settings")
os.environ.setdefault("TRACKER_PROCESS", "web")

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters


class UTF8Request(WSGIRequest):
    """A request that is read as UTF-8, whatever its Content-Type says.

    Django's own believes any charset that Python knows ("zlib", "idna") while it makes the request, where no
    middleware catches what comes of that: a 500 for a header. It raises for a malformed header too.
    """

    def _set_content_type_params(self, meta: dict[str, str]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = "", {}


class Handler(WSGIHandler):
    """Django's, with our request."""

    request_class = UTF8Request


django.setup(set_prefix=False)
application = Handler()
