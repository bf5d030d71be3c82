"""English, as spoken in the United States."""

from __future__ import annotations

from typing import Final

from ...abbreviations import NEVER_LAST, SOMETIMES_LAST
from ..rule import Language
from .acronyms import ACRONYMS
from .codes import CODES
from .dates import DATES, YEARS
from .fractions import FRACTION_RULES
from .maths import MATHS, MATHS_SYMBOLS
from .money import MONEY
from .names import NAMES
from .notations import NOTATIONS
from .numbers import NUMBERS, PLAIN_NUMBERS
from .roman import ROMAN_NUMERALS
from .serials import SERIALS
from .times import TIMES
from .units import DURATIONS, QUANTITIES
from .web import WEB

ENGLISH: Final = Language(
    code="en",
    rules=(
        *WEB,
        *NAMES,
        *NOTATIONS,
        *ROMAN_NUMERALS,
        *MONEY,
        *DATES[:2],
        *CODES,
        *DATES[2:],
        *DURATIONS,
        *TIMES,
        *QUANTITIES,
        *FRACTION_RULES,
        *MATHS,
        *YEARS,
        *NUMBERS,
        *SERIALS,
        *PLAIN_NUMBERS,
        *ACRONYMS,
    ),
    never_last=NEVER_LAST | frozenset("apt ste rm eq ch pg ver dist rs mx supt lvl".split()),
    sometimes_last=SOMETIMES_LAST
    | frozenset("ph.d m.sc b.sc ln ct pl pkwy ctr ter cir al p.s a.k.a mi yd tsp tbsp".split()),
    symbols=MATHS_SYMBOLS + "$€£¥₹₽₩₺₪₫₦₱฿₴₿¢°℃℉%‰#@&′″'\"",
)
