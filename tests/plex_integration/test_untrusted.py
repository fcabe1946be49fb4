"""Hostile text and numbers: one rule, applied before either database sees them."""

import json
import tracemalloc
from contextlib import suppress
from datetime import date

import pytest

from plex_integration.untrusted import (
    MAX_DEPTH,
    UnreadableJSON,
    clean_text,
    date_of,
    flag_of,
    list_of,
    number_of,
    object_of,
    read_object,
    text_of,
)
from tests.speed import a_little_while, cpu_seconds

MEBIBYTE = 2**20


def refusal(data: bytes) -> str:
    with pytest.raises(UnreadableJSON) as problem:
        read_object(data)
    return str(problem.value)


@pytest.mark.parametrize(("data", "value"), [
    (b'{"a": "x\\u0000y"}', {"a": "x␀y"}),
    (b'{"a": "x\x00y"}', {"a": "x␀y"}),
    (b'{"k\\u0000": 1}', {"k␀": 1}),
    (b'{"a": ["\\ud800"]}', {"a": ["\ufffd"]}),
    (b'{"a": "\\udfff\\ud800"}', {"a": "\ufffd\ufffd"}),
    (b'{"\\ud83d": {"\\ude00": "\\ud83d\\ude00"}}', {"\ufffd": {"\ufffd": "😀"}}),
    (b'{"a": "\xff\xfe"}', {"a": "\ufffd\ufffd"}),
    (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd\ufffd\ufffd"}),
    ('\ufeff{"a": "é"}'.encode(), {"a": "é"}),
    (b'{"a": "one\ntwo\x1b[31m"}', {"a": "one\ntwo\x1b[31m"}),
    (b'{"a": 9223372036854775807, "b": -9223372036854775808}', {"a": 2**63 - 1, "b": -(2**63)}),
    (b'{"a": 1, "a": 2}', {"a": 2}),
])
def test_what_one_of_the_databases_would_refuse_is_replaced(data, value):
    assert read_object(data) == value


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"), (b" \r\n\t ", "empty"),
    (b"[]", "not a JSON object"), (b'"text"', "not a JSON object"), (b"null", "not a JSON object"),
    (b"7", "not a JSON object"),
    (b"payload=x", "no JSON"), (b'{"a": 1', "no JSON"), (b"{'a': 1}", "no JSON"), (b'{"a": 1}{', "no JSON"),
    (b'{"a": "x', "Unterminated string starting at character 6"), (b'{"a": \x00}', "no JSON"), ('{"a": 1}'.encode("utf-16"), "no JSON"),
    (b'{"a": NaN}', "NaN"), (b'{"a": Infinity}', "Infinity"), (b'{"a": -Infinity}', "-Infinity"),
    (b'{"a": 1e999}', "1e999 is too large"), (b'{"a": -1e999}', "too large"),
    (b'{"a": 9223372036854775808}', "9223372036854775808 is too large"), (b'{"a": -9223372036854775809}', "too large"),
    (b'{"a": ' + b"9" * 4301 + b"}", "too large"), (b'{"a": ' + b"9" * MEBIBYTE + b"}", "too large"),
    (b'{"a": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested more than 64 deep"),
    (b'{"a": ' + b'{"a": ' * 5000 + b"1" + b"}" * 5001, "nested more than 64 deep"),
    (b"[" * (2 * MEBIBYTE), "nested more than 64 deep"),
])
def test_what_no_database_can_keep_is_refused_with_the_reason(data, words):
    assert words in refusal(data)


def test_the_reason_is_short_whatever_was_sent():
    for data in (b"9" * MEBIBYTE, b'{"a": 1e' + b"9" * MEBIBYTE + b"}", b"x" * MEBIBYTE):
        assert len(refusal(data)) < 100


def test_nesting_is_allowed_up_to_its_limit_and_not_beyond():
    nested = lambda depth: b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"  # noqa: E731
    assert read_object(nested(MAX_DEPTH))
    assert "nested" in refusal(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("text", ["[" * 200, '"' + "[" * 200, "\\" + "[" * 200, '\\"' + "{" * 200, "\\\\" + "[" * 99])
def test_brackets_inside_text_are_no_nesting(text):
    assert read_object(json.dumps({"a": text, text: 1}).encode()) == {"a": text, text: 1}


@pytest.mark.parametrize("data", [
    b"[" * (2 * MEBIBYTE),
    b"[" * MEBIBYTE + b"]" * MEBIBYTE,
    b"[]" * MEBIBYTE,
    b"[" * 99 + b'"' * (2 * MEBIBYTE - 99),
    b"[" * 99 + b'"' + b"\\" * (2 * MEBIBYTE - 100),
    b"[" * 99 + b'"' + b"a\\n" * (2 * MEBIBYTE // 3 - 40),
    b'{"a": 0.' + b"1" * (2 * MEBIBYTE - 20) + b"}",
    b"1" * (2 * MEBIBYTE),
    b" " * (2 * MEBIBYTE),
])
def test_two_mebibytes_of_anything_take_little_time(data):
    def read():
        with suppress(UnreadableJSON):
            read_object(data)

    assert any(cpu_seconds(read) <= a_little_while() for _ in range(2))


def test_a_long_text_among_many_brackets_takes_little_memory():
    """The search for text must not keep a way back for each of its characters: that took 70 times the text's size."""
    data = b'{"b": [' + b"[]," * 99 + b'[]], "a": "' + b"a" * (2 * MEBIBYTE) + b'"}'
    tracemalloc.start()
    read_object(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * MEBIBYTE


@pytest.mark.parametrize(("written", "kept"), [
    (b"1.5", 1.5), (b"-0.0", 0.0), (b"8.0", 8.0), (b"1e3", 1000.0), (b"1e16", 10**16), (b"-1e22", -(10**22)),
    (b"5e-324", 5e-324),
])
def test_a_number_is_kept_in_the_one_form_that_both_databases_give_back(written, kept):
    number = read_object(b'{"a": ' + written + b"}")["a"]
    assert (number, type(number), str(number)) == (kept, type(kept), str(kept))


def test_text_is_cut_to_its_column_and_other_types_are_no_text():
    assert text_of("é" * 300) == "é" * 255
    assert text_of("  x  ") == "x"
    assert text_of("😀" * 9, 4) == "😀" * 4
    assert [text_of(value) for value in (5205, 5205.0, 0, -1)] == ["5205", "5205", "0", "-1"]
    assert [text_of(value) for value in (None, True, False, 1.5, [], ["x"], {"id": "x"})] == [""] * 7


@pytest.mark.parametrize(("value", "number"), [
    (5, 5), (0, 0), ("5", 5), ("05", 5), (" 5 ", 5), ("0", 0), (5.0, 5), (2**31 - 1, 2**31 - 1),
    (-1, None), ("-1", None), (2**31, None), (str(2**31), None), (5.5, None), ("5.0", None), ("1e3", None),
    (1e300, None),
    ("٥", None), ("²", None), ("", None), ("five", None), ("9" * 30, None), (True, None), (None, None), ([5], None),
    ({}, None),
])
def test_a_number_fits_its_column_or_is_none(value, number):
    assert number_of(value) == number


@pytest.mark.parametrize("value", [True, 1, "1", "true", 1.0])
def test_a_flag_may_be_written_in_several_ways(value):
    assert flag_of(value) is True


@pytest.mark.parametrize("value", [False, 0, "0", "false", "", None, "yes", [], {}, ["1"], 2])
def test_everything_else_is_no_flag_and_text_zero_neither(value):
    assert flag_of(value) is False


@pytest.mark.parametrize(("value", "day"), [
    ("2021-09-30", date(2021, 9, 30)), ("2021-09-30T20:00:00Z", date(2021, 9, 30)), (" 2021-09-30", date(2021, 9, 30)),
    ("9999-12-31", date(9999, 12, 31)), ("1900-01-01", date(1900, 1, 1)),
    ("0001-01-01", None), ("0000-00-00", None), ("2021-02-30", None), ("2021", None), ("", None), ("yesterday", None),
    (20210930, None), (None, None), (["2021-09-30"], None),
])
def test_a_date_is_one_that_can_be_reckoned_with_or_none(value, day):
    assert date_of(value) == day


def test_other_types_are_empty_objects_and_lists():
    assert [object_of(value) for value in ({"a": 1}, [1], "x", None, 5)] == [{"a": 1}, {}, {}, {}, {}]
    assert [list_of(value) for value in ([1], {"a": 1}, "x", None, 5)] == [[1], [], [], [], []]


def test_cleaned_text_can_be_encoded():
    assert clean_text("a\0b\ud800c\U0001f600").encode() == "a␀b\ufffdc😀".encode()
