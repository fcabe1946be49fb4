"""What a run tells of itself while it works; whoever wants to hear it overrides what it needs."""


class Reporter:
    """Hears of everything and says nothing."""

    def library(self, title: str, number: int, libraries: int) -> None:
        """A library is begun."""

    def item(self, label: str, position: int, items: int) -> None:
        """An item is looked at, the so-manieth of its show."""

    def status(self, text: str) -> None:
        """Something was changed, or would be in a dry run."""

    def note(self, text: str) -> None:
        """Something that a person should know."""


MOST_LINES = 20  # statuses of one page, before they are told as numbers


def tell(reporter: Reporter, lines: list[str], summary: str) -> None:
    """Each change in a line; many at once in one."""
    for line in lines if len(lines) <= MOST_LINES else [summary]:
        reporter.status(line)
