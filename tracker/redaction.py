"""What reaches a log: one line a record, and no secret in it."""

import logging
import re

_SECRETS = re.compile(r"(?i)((?:secret|token|x-plex-token|api_key|password)(?:=|%3d|[\"']?\s*:\s*[\"']?))([^\s&\"',;]+)")


def redact(text: str) -> str:
    """The text with the values of secret-bearing parameters replaced."""
    return _SECRETS.sub(r"\1[hidden]", text)


class RedactingFilter(logging.Filter):
    """Redacts the rendered message, so that no argument slips through."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


class OneLineFormatter(logging.Formatter):
    """Escapes control characters, so that a title cannot forge a line; tracebacks are redacted and stay readable."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in record.getMessage())
        record.asctime = self.formatTime(record, self.datefmt)
        line = self.formatMessage(record)
        return f"{line}\n{redact(self.formatException(record.exc_info))}" if record.exc_info else line
