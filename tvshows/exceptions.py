"""What can go wrong with an outside service. The class is the decision: ask again later, or not at all.

Messages are for people: they hold no secret, no address with a query and nothing of the service's answer.
"""

from datetime import timedelta


class ServiceError(Exception):
    """An outside service did not do what it was asked for."""


class ServiceDown(ServiceError):  # noqa: N818
    """It does not answer, or not usefully. It may be asked again after `retry_after`."""

    def __init__(self, message: str, retry_after: timedelta = timedelta(minutes=1)) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class AskedToWait(ServiceDown):
    """It said itself how long it wants to be left alone."""


class OverBudget(ServiceDown):
    """It was not asked: it has been asked as often as it may be."""


class AnswerTooLarge(ServiceDown):
    """Its answer is larger than we read."""


class ServiceRefused(ServiceError):  # noqa: N818
    """It answered that it will not; asking again is no use. `status` is that of HTTP."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AddressDenied(ServiceRefused):
    """It was not asked: our own rules forbid the address."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 0)


class ContestedIds(Exception):  # noqa: N818  (what they are)
    """Ids that lead to several shows of the catalogue: a person has to say which one is meant."""
