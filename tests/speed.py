"""How long something takes, told from how fast the machine is at the moment."""

import time


def cpu_seconds(call, *args) -> float:
    before = time.process_time()
    call(*args)
    return time.process_time() - before


def a_little_while() -> float:
    """The CPU seconds that whatever somebody sends may take: 0.2, or more where a million additions take 0.05 and more."""
    return max(0.2, 4 * cpu_seconds(_add_a_million))


def _add_a_million() -> None:
    total = 0
    for number in range(1_000_000):
        total += number
