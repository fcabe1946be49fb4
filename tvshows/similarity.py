"""PostgreSQL's pg_trgm similarity() in Python, so that the same query runs on SQLite with the same answers.

The algorithm, from contrib/pg_trgm/trgm_op.c: cut the text into words, lower-case them, put two blanks before
and one after each, take the set of all runs of three characters; the similarity is the shared ones over all.
"""

import sqlite3
import struct
from functools import lru_cache

from tvshows.word_characters import is_word_character

_FLOAT4 = struct.Struct("f")


def similarity(a: str | None, b: str | None) -> float | None:
    """How alike two texts are, 0.0 to 1.0; None (SQL's NULL) when either is missing.

    The value is rounded to single precision, like PostgreSQL's float4, so that thresholds cut alike on both
    engines: 3 of 10 is 0.30000001192092896, and so above 0.3.
    """
    if a is None or b is None:
        return None
    trigrams_a, trigrams_b = _trigrams(a), _trigrams(b)
    shared = len(trigrams_a & trigrams_b)
    if not shared:
        return 0.0
    ratio = shared / (len(trigrams_a) + len(trigrams_b) - shared)
    return float(_FLOAT4.unpack(_FLOAT4.pack(ratio))[0])


def register(connection: sqlite3.Connection) -> None:
    """Give an SQLite connection the function SIMILARITY(a, b) that Django's TrigramSimilarity calls."""
    connection.create_function("SIMILARITY", 2, similarity, deterministic=True)


class _WordCharacters(dict[int, str]):
    """For str.translate: a word's character becomes its lower case, any other a blank; filled on demand."""

    def __missing__(self, code_point: int) -> str:
        # PostgreSQL lower-cases one character into one, whatever stands beside it: so no final sigma, and of
        # the two that Python makes of the dotted İ (U+0130, the only such character) the first.
        self[code_point] = chr(code_point).lower()[0] if is_word_character(code_point) else " "
        return self[code_point]


_WORD_CHARACTERS = _WordCharacters()


@lru_cache(maxsize=16_384)  # some thousands of titles are compared with each query; about 2 kB each
def _trigrams(text: str) -> frozenset[bytes]:
    found: set[bytes] = set()
    for word in text.translate(_WORD_CHARACTERS).split():
        padded = f"  {word} "
        triples = (padded[at : at + 3] for at in range(len(word) + 1))
        found.update(_compact(triple) for triple in triples)
    return frozenset(found)


@lru_cache(maxsize=65_536)  # titles share most of their trigrams, so one object of each serves all
def _compact(trigram: str) -> bytes:
    """Three bytes, as PostgreSQL stores a trigram: ASCII as it is, any other as three bytes of its CRC.

    Trigrams that meet in one CRC count as one there, therefore here. A big-endian server takes the other end.
    """
    raw = trigram.encode()
    return raw if len(raw) == 3 else _legacy_crc32(raw).to_bytes(4, "little")[:3]


def _crc_table() -> tuple[int, ...]:
    """The table of the usual CRC-32 (polynomial 0xEDB88320, reflected)."""
    table = list(range(256))
    for _ in range(8):
        table = [(value >> 1) ^ (0xEDB88320 if value & 1 else 0) for value in table]
    return tuple(table)


_CRC_TABLE = _crc_table()


def _legacy_crc32(raw: bytes) -> int:
    """PostgreSQL's "legacy" CRC (pg_crc.h): a reflected table, but shifted to the left, unlike zlib.crc32."""
    crc = 0xFFFFFFFF
    for byte in raw:
        crc = _CRC_TABLE[(crc >> 24) ^ byte] ^ ((crc << 8) & 0xFFFFFFFF)
    return crc ^ 0xFFFFFFFF
