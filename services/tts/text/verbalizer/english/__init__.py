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
from .units import DURATIONS, QUANTITIES, STOPPED_UNITS
from .web import WEB

_BEFORE_NAMES: Final = frozenset(
    "u.s u.k u.n e.u u.s.a u.s.s.r u.a.e d.c l.a n.y n.y.c inc corp co ltd bros dept univ assn"
    " est ph.d m.d jan feb mar apr jun jul aug sep sept oct nov dec".split()
)
_OPENERS: Final = frozenset(
    "a an the this that these those it its he she they we you i his her their our your my there"
    " here in on at by for from with to as if when while after before since until and but or so"
    " yet however also then now today once what who where why how which is are was were do does"
    " did can could will would should may might both each every all some many most no not yes one"
    " two another other please let although though because unless during despite instead"
    " meanwhile afterwards finally first second next overall nobody everyone everybody someone"
    " people"
    " nothing everything just even only still according given let don"
    " bring take use try make add turn go see check visit call keep remember click run get consider"
    " choose select enter start stop wait find".split()
)
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
    never_last=NEVER_LAST
    | frozenset(
        "apt ste rm eq ch pg ver dist rs mx supt lvl p.o op exp fl conf attn art acct bldg rte"
        " mm sc lat def ref refs".split()
    ),
    sometimes_last=SOMETIMES_LAST
    | frozenset("ph.d m.sc b.sc ln ct pl pkwy ctr ter cir al p.s a.k.a ps".split())
    | frozenset(unit.lower().rstrip(".") for unit in STOPPED_UNITS),
    goes_on=frozenset(
        "n s e w nw ne sw se et est edt ct cst cdt mt mst mdt pt pst pdt gmt utc cet bst ist"
        " eastern central pacific mountain monday tuesday wednesday thursday friday saturday"
        " sunday".split()
    ),
    ends_before_opener=_BEFORE_NAMES,
    openers=_OPENERS,
    symbols=MATHS_SYMBOLS + "$€£¥₹₽₩₺₪₫₦₱฿₴₿¢°℃℉%‰#@&′″'\"",
)
