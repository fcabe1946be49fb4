"""Processes that end when the one that started them ends, however it ends. Linux does it; elsewhere this does nothing.

`python -m tracker.lifeline MODULE ARGUMENTS` runs a module so, together with every process that it forks.
"""

import ctypes
import gc
import os
import runpy
import signal
import sys

PARENT = "TRACKER_PARENT"  # the variable that tells a child its parent's process id
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent`, its parent, is gone; end at once if that was so already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def pass_on_to_forks() -> None:
    """Tie every process that this one forks, and those that they fork, to the one that forks them."""
    parents: list[int] = []

    def prepare() -> None:
        gc.freeze()  # what the collector leaves alone stays shared between the processes
        parents.append(os.getpid())

    os.register_at_fork(
        before=prepare,
        after_in_parent=parents.clear,
        after_in_child=lambda: die_with(parents[-1]),
    )


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended, so that they can be reaped here."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def main() -> None:
    """Tie this process to its parent, then be the module that the arguments name."""
    parent = os.environ.pop(PARENT, "")
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # the supervisor blocks the signals that it waits for
    if parent:
        die_with(int(parent))
    pass_on_to_forks()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
