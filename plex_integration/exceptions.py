"""What can go wrong with Plex and with what we store about it."""

from datetime import timedelta


class PlexIntegrationError(Exception):
    """The base of this app's errors; the message is fit for a person to read and holds no secret."""


class EncryptionError(PlexIntegrationError):
    """A text cannot be encrypted."""


class DecryptionError(EncryptionError):
    """A stored value cannot be decrypted: none of the keys fits, or it was damaged or moved. Trying again is no use."""


class TransientError(PlexIntegrationError):
    """Something outside is not there for now. The event waits and the attempt does not count."""

    def __init__(self, message: str, *, retry_after: timedelta = timedelta(minutes=1)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unresolvable(PlexIntegrationError):  # noqa: N818  (it says what cannot be)
    """A conflict cannot be resolved in this way; the message says why and what to do instead."""


class NotItsTurn(TransientError):  # noqa: N818  (a state, which passes)
    """Another event of the same show is being worked on."""
