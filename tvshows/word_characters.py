"""Which characters PostgreSQL counts as parts of a word, where Python alone does not say.

PostgreSQL asks the C library (iswalpha, iswdigit), and glibc follows Unicode's "Alphabetic" property:
letters, letter numbers and digits, which Python knows by their category, and 1,404 vowel signs, other marks
and circled letters, which it does not. Those are the table below.

It was made by asking `similarity(chr(i), chr(i)) = 1` for every i from 1 to 0x10FFFF: PostgreSQL 15.20 with
LC_CTYPE C.UTF-8 on glibc 2.36 (Unicode 14), compared with Python 3.11 (Unicode 14). LC_CTYPE en_US.UTF-8 and
PostgreSQL 18.6 on the same glibc gave the same answers. A newer glibc or Python knows newer characters; what
was assigned before hardly changes.
"""

import unicodedata

_ALWAYS = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nd", "Nl"})
_SOMETIMES = frozenset({"Mn", "Mc", "So"})

# Hexadecimal code points, from-to. A range speaks of marks and symbols only, so it runs over the letters and
# the unassigned code points between them.
_ALPHABETIC_SIGNS = """
0345 05B0-05C7 0610-0657 0659-06DC 06E1-06E8 06ED 0711-073F 07A6-07B0 0816-0817 081B-082C 08D4-08DF
08E3-08E9 08F0-093B 093E-094C 094E-094F 0955-0983 09BE-09CC 09D7-09E3 0A01-0A03 0A3E-0A4C 0A51-0A83
0ABE-0ACC 0AE2-0AFC 0B01-0B03 0B3E-0B4C 0B56-0B63 0B82-0BCC 0BD7 0C00-0C03 0C3E-0C4C 0C55-0C63 0C81-0C83
0CBE-0CCC 0CD5-0D03 0D3E-0D4C 0D57-0D63 0D81-0D83 0DCF-0E3A 0E4D 0EB1-0EB9 0EBB-0EBC 0ECD 0F71-0F81
0F8D-0FBC 102B-1036 1038 103B-109D 1712-1713 1732-1733 1752-1773 17B6-17C8 1885-1938 1A17-1A5E 1A61-1A74
1ABF-1AC0 1ACC-1B04 1B35-1B43 1B80-1BA9 1BAC-1BAD 1BE7-1BF1 1C24-1C36 1DE7-1DF4 24B6-24E9 2DE0-2DFF
A674-A67B A69E-A69F A802 A80B-A827 A880-A8C3 A8C5 A8FF-A92A A947-A952 A980-A983 A9B4-A9BF A9E5-AA4D
AA7B-AABE AAEB-AAF5 ABE3-ABEA FB1E 10376-1037A 10A01-10A0F 10D24-10EAC 11000-11045 11073-11074 11082-110B8
110C2-11132 11145-11146 11180-111BF 111CE-11234 11237-112E8 11300-11303 1133E-1134C 11357-11363
11435-11441 11443-11445 114B0-114C1 115AF-115BE 115DC-1163E 11640-116B5 1171D-1172A 1182C-11838
11930-1193C 11940-11942 119D1-119DF 119E4-11A0A 11A35-11A3E 11A51-11A97 11C2F-11C3E 11C92-11D41 11D43
11D47-11D96 11EF3-11EF6 16F4F-16F92 16FF0-16FF1 1BC9E 1E000-1E02A 1E947 1F130-1F149 1F150-1F169
1F170-1F189
"""


def _code_points(ranges: str) -> frozenset[int]:
    """Every code point of a text like "0345 05B0-05C7"."""
    ends = [[int(end, 16) for end in each.split("-")] for each in ranges.split()]
    return frozenset(code for pair in ends for code in range(pair[0], pair[-1] + 1))


_SIGNS = _code_points(_ALPHABETIC_SIGNS)


def is_word_character(code_point: int) -> bool:
    """Whether PostgreSQL, with UTF-8 and an LC_CTYPE other than C, takes this character as part of a word."""
    category = unicodedata.category(chr(code_point))
    return category in _ALWAYS or (category in _SOMETIMES and code_point in _SIGNS)
