"""Letters with digits in English: models, serial numbers, formulas of chemistry."""

from __future__ import annotations

import re
from typing import Final

from ..numerals import SUBSCRIPTS, SUPERSCRIPTS, lowered
from ..rule import Rule
from .acronyms import is_pronounced
from .codes import CODE_BEFORE
from .words import before, cardinal, digits, in_pairs, letter, letters, spelled

_ELEMENT = (
    r"(?:A[cglmrstu]|B[aehikr]?|C[adeflmnorsu]?|D[bsy]|E[rsu]|F[elmr]?|G[ade]|H[efgos]?|I[nr]?|Kr?"
    r"|L[airu]|M[dgnot]|N[abdeiop]?|O[gs]?|P[abdmortu]?|R[abefghnu]|S[bcegimnr]?|T[abceil]|U|V|W"
    r"|Xe|Yb?|Z[nr])"
)


def _mixed(text: str) -> str:
    """Letters and digits in groups of their own: "4F7K" is "four F seven K"."""
    spoken = []
    for part in re.findall(r"\d+|[^\W\d_]+", text):
        if part.isdecimal():
            if part[0] == "0" or len(part) > 4:
                spoken.append(digits(part))
            elif len(part) > 2:
                spoken.append(in_pairs(part))
            else:
                spoken.append(cardinal(int(part)))
        elif is_pronounced(part):
            spoken.append(part)
        elif part.isupper() or len(part) == 1 or not re.search(r"[aeiouyAEIOUY]", part):
            spoken.append(letters(part) if len(part) > 1 else letter(part))
        else:
            spoken.append(part)
    return " ".join(spoken)


def _serial(match: re.Match[str]) -> str | None:
    text = match.group()
    if not any(c.isdecimal() for c in text) or text.islower():
        return None
    if re.fullmatch(r"(?:\d+-[A-Z][a-z]+|[A-Z]+-\d{1,3}[A-Za-z]?|\d+-[A-Z]{1,4})", text):
        return _mixed(text)
    return ", ".join(spelled(part) for part in re.split(r"[- ]", text))


def _formula(text: str) -> str:
    spoken = []
    for part in re.findall(rf"[A-Za-z]+|\d+|[{SUBSCRIPTS}]+|[{SUPERSCRIPTS}]+|[+-]", text):
        if part.isalpha():
            spoken.append(letters(part) if len(part) > 1 else letter(part))
        else:
            spoken += [
                cardinal(int(p)) if p.isdecimal() else "plus" if p == "+" else "minus"
                for p in re.findall(r"\d+|[+-]", lowered(part))
            ]
    return " ".join(spoken)


def _plain_formula(match: re.Match[str]) -> str | None:
    text = match.group()
    known = text in ("NaCl", "NaOH", "HCl", "KCl", "HF", "KOH", "CaO", "MgO", "LiCl", "AgCl", "ZnO")
    if not known and (not re.search(r"\d", text) or not re.search(r"[a-z(]", text)):
        return None
    return _formula(text)


SERIALS: Final = (
    Rule(
        "serial number",
        r"(?=[A-Z0-9-]*\d)(?=[A-Z0-9-]*[A-Z])[A-Z0-9]{2,10}(?:-[A-Z0-9]{1,10}){1,6}",
        _serial,
        {
            "AB-1234-XY": "A- B, one two three four, X Y",
            "an F-16 jet": "an F sixteen jet",
        },
    ),
    Rule(
        "formula of chemistry",
        rf"(?P<formula>\(?[A-Za-z][A-Za-z()]{{0,12}}(?:[{SUBSCRIPTS}]|[{SUPERSCRIPTS}]*[⁺⁻])"
        rf"[A-Za-z(){SUBSCRIPTS}{SUPERSCRIPTS}]{{0,30}})",
        lambda m: _formula(m["formula"]),
        {
            "CO₂ and H₂SO₄": "C.O two and H two S.O four",
            "x₁": "x one",
            "SO₄²⁻ and Ca²⁺": "S.O four two minus and C.A two plus",
        },
        inside=True,
    ),
    Rule(
        "ion",
        r"(?P<formula>(?:Na|Ca|Mg|Li|K|H|Cl|OH|Fe|NH4)\d?[+-])(?![\w(+])",
        lambda m: _formula(m["formula"]),
        {"Na+ and Cl-": "N.A plus and C.L minus"},
        inside=True,
    ),
    Rule(
        "formula of chemistry in plain digits",
        rf"(?:\(?{_ELEMENT}\d{{0,2}}\)?\d{{0,2}}){{2,12}}(?<![(])",
        _plain_formula,
        {
            "Rust is Fe2O3.": "Rust is F.E two O three.",
            "Ca(OH)2 and NaCl": "C.A O.H two and N.A.C.L",
            "In NoSQL": "In NoSQL",
        },
    ),
    Rule(
        "letters and digits",
        r"(?=[^\W_]*\d)(?=[^\W_]*[A-Za-z])(?!\d+(?:st|nd|rd|th)\b)[A-Za-z0-9]{2,40}",
        lambda m: (
            spelled(m.group())
            if CODE_BEFORE.search(before(m))
            or (len(m.group()) >= 8 and m.group().isupper())
            or re.search(r"\d[A-Z]+\d[A-Z]|[A-Z]\d[A-Z]\d[A-Z]", m.group())
            else _mixed(m.group())
        ),
        {
            "an A380": "an A- three eighty",
            "H2O and CO2": "H two O and C.O two",
            "MP3": "M.P three",
            "a 4K screen": "a four K screen",
            "C6H12O6": "C six H twelve O six",
        },
    ),
)
