"""Changing one variable in `.env`. Without Django, because its keys are made before Django can start."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PLAIN = re.compile(r"[A-Za-z0-9_.,:/@%+~=-]*")  # what means itself to every reader of such files, without quotes


class ChangedMeanwhileError(Exception):
    """The variable does not have the value that the change was based on; the file is as it was."""


def get(path: Path, name: str) -> str | None:
    """The variable's value in the file, or None. Of several lines the last counts, as for django-environ."""
    values = [_value(line) for line in _lines(path) if _assigns(line, name)]
    return values[-1] if values else None


def change(path: Path, name: str, value: str, *, was: str | None) -> None:
    """Set the variable and leave every other line alone; the file is whole at any moment, and only for its owner.

    `was` is the value that `get` returned. Raises ChangedMeanwhileError where that is no longer true, ValueError
    for a value that would need quotes, OSError.
    """
    if not _PLAIN.fullmatch(value):
        raise ValueError(f"A value for {name} may hold letters, digits and _.,:/@%+~=- only.")
    path = path.resolve()  # a link stays a link
    with _lock(path.parent) as directory:
        if get(path, name) != was:
            raise ChangedMeanwhileError(f"{name} in {path} was changed meanwhile.")
        _replace(path, "".join(_changed(_lines(path), f"{name}={value}\n", name)))
        os.fsync(directory)


def is_set_outside(name: str) -> bool:
    """Whether this process was started with the variable, which then wins over `.env`. Known on Linux; else False."""
    try:
        environment = Path("/proc/self/environ").read_bytes()
    except OSError:
        return False
    return any(entry.startswith(f"{name}=".encode()) for entry in environment.split(b"\0"))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return []
    return (text if text.endswith("\n") or not text else f"{text}\n").splitlines(keepends=True)


def _assigns(line: str, name: str) -> bool:
    return line.removeprefix("export ").startswith(f"{name}=")


def _value(line: str) -> str:
    text = line.rstrip("\r\n").partition("=")[2]
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _changed(lines: list[str], new: str, name: str) -> Iterator[str]:
    """The lines with the last assignment replaced, or one added, and those before it, which never counted, dropped."""
    places = [place for place, line in enumerate(lines) if _assigns(line, name)]
    for place, line in enumerate(lines):
        if place not in places:
            yield line
        elif place == places[-1]:
            yield new
    if not places:
        yield new


@contextmanager
def _lock(folder: Path) -> Iterator[int]:
    """One change at a time; the system lifts the lock of a process that dies."""
    directory = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield directory
    finally:
        os.close(directory)


def _replace(path: Path, text: str) -> None:
    """Write beside the file and move over it, so that a crash leaves the one or the other; keep its owner."""
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if path.exists() and path.stat().st_uid != os.geteuid():
            os.fchown(descriptor, path.stat().st_uid, path.stat().st_gid)
        os.fchmod(descriptor, 0o600)  # whatever the umask
        file.write(text.encode("utf-8", "surrogateescape"))
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)
