"""What a stranger sends, made safe for both databases in one place; no Django.

PostgreSQL refuses a NUL and a lone surrogate that SQLite stores, SQLite stores text longer than its column, neither
takes NaN, and both would run out of stack on deep nesting: one rule for both.
"""

import json
import math
import re
from datetime import date
from itertools import accumulate
from typing import Any

MAX_DEPTH = 64
LARGEST_INTEGER = 2**63 - 1
_EXPONENT_FROM = 1e16  # from here on Python writes a float with an exponent
EARLIEST_YEAR = 1800  # nothing aired before
# Possessive, so that a long string costs neither time nor memory for a way back that is never taken.
# Strings that stand side by side are one match: a million of them took 0.16 s and 90 MB.
_STRINGS = re.compile(rb'(?:"(?:[^"\\]++|\\.)*+"?)++', re.DOTALL)
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # one deeper, one less deep, as signed bytes
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableJSON(ValueError):  # noqa: N818  (what is wrong, not that something is)
    """The text is no JSON object that can be kept; the message says why, in words for a person."""


def _is_too_deep(data: bytes) -> bool:
    """Whether brackets nest too deep outside strings, without recursion."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    steps = memoryview(_STRINGS.sub(b"", data).translate(_STEPS, _NO_BRACKETS)).cast("b")
    return MAX_DEPTH + 1 in accumulate(steps)  # a depth changes by one, so that none is passed over


def _constant(name: str) -> float:
    raise UnreadableJSON(f"{name} is no JSON number")


def _real(text: str) -> float | int:
    value = float(text)
    if not math.isfinite(value):
        raise UnreadableJSON(f"the number {text[:20]} is too large")
    # PostgreSQL gives -0.0 back as 0.0, and 1e+16 as a whole number: SQLite shall too.
    return int(value) if abs(value) >= _EXPONENT_FROM else value + 0.0


def _whole(text: str) -> int:
    if len(text) > 20 or not -LARGEST_INTEGER - 1 <= (value := int(text)) <= LARGEST_INTEGER:
        shown = text if len(text) <= 20 else f"{text[:20]}…"
        raise UnreadableJSON(f"the number {shown} is too large")
    return value


def clean_text(text: str) -> str:
    """With U+2400 for NUL and U+FFFD for a surrogate without its other half."""
    return _SURROGATE.sub("\ufffd", text.replace("\0", "\u2400"))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {clean_text(key): _clean(item) for key, item in value.items()}
    return value


def read_object(data: bytes) -> dict[str, Any]:
    """The JSON object in `data`, safe to store. Raises UnreadableJSON with the reason."""
    if not data.strip():
        raise UnreadableJSON("it is empty")
    if _is_too_deep(data):
        raise UnreadableJSON(f"it is nested more than {MAX_DEPTH} deep")
    try:
        text = data.decode("utf-8-sig", errors="replace")
        value = json.loads(text, parse_constant=_constant, parse_float=_real, parse_int=_whole, strict=False)
    except json.JSONDecodeError as error:
        raise UnreadableJSON(f"it is no JSON: {error.msg.removesuffix(' at')} at character {error.pos}") from None
    except RecursionError:
        raise UnreadableJSON(f"it is nested more than {MAX_DEPTH} deep") from None
    if not isinstance(value, dict):
        raise UnreadableJSON("it is not a JSON object")
    # Decoding leaves no surrogate, so only an escape or a bare NUL makes something to clean.
    cleaned: dict[str, Any] = _clean(value) if "\\u" in text or "\0" in text else value
    return cleaned


def text_of(value: object, length: int = 255) -> str:
    """Text cut to its column; a whole number becomes its digits, anything else nothing."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).strip()[:length]


def number_of(value: object, largest: int = 2**31 - 1) -> int | None:
    """A whole number from 0 to `largest`, also from text ("05"); anything else is nothing."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,19}\s*", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value <= largest else None


def flag_of(value: object) -> bool:
    """Whether a flag is set: Plex writes true, 1 and "1", and "0" for false, which is true in Python."""
    return value in (True, 1, "1", "true")


def date_of(value: object) -> date | None:
    """A date from ISO text ("2021-09-30", with or without a time), or nothing."""
    try:
        found = date.fromisoformat(value.strip()[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found and found.year > EARLIEST_YEAR else None


def object_of(value: object) -> dict[str, Any]:
    """The object, or an empty one when it is something else."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """The list, or an empty one when it is something else."""
    return value if isinstance(value, list) else []
