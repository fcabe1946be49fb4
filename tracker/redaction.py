"""What reaches a log: one line a record, and no secret in it."""

import logging
import re

from django.core.exceptions import PermissionDenied

_NAME = "secret|token|x-plex-token|api_key|password"
_SECRETS = re.compile(rf"(?i)((?:{_NAME})(?:=|%3d|[\"']?\s*:\s*[\"']?))([^\s&\"',;]+)")


def redact(text: str) -> str:
    """The text with the values of secret-bearing parameters replaced."""
    return _SECRETS.sub(r"\1[hidden]", text)


class RedactingFilter(logging.Filter):
    """Redacts the rendered message, so that no argument slips through."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact; every record passes."""
        record.msg, record.args = redact(record.getMessage()), ()
        return True


def _plain(text: str) -> str:
    """With control characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class RefusalFilter(logging.Filter):
    """A page that somebody may not see is no fault of the program: its line is enough, without where it was raised."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Drop a refusal's traceback; every record passes."""
        if record.exc_info and isinstance(record.exc_info[1], PermissionDenied):
            record.exc_info = None
        return True


class OneLineFormatter(logging.Formatter):
    """Escapes control characters and indents tracebacks, so that no title forges a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is written."""
        record.message = _plain(record.getMessage())
        record.asctime = self.formatTime(record, self.datefmt)
        lines = [self.formatMessage(record)]
        if record.exc_info:
            lines += [f"  {_plain(line)}" for line in redact(self.formatException(record.exc_info)).split("\n")]
        return "\n".join(lines)
