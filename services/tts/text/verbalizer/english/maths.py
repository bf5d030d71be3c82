"""Arithmetic, comparisons, powers and formulas in English."""

from __future__ import annotations

import re
from typing import Final

from ..numerals import SUBSCRIPTS, SUPERSCRIPTS, lowered
from ..rule import Rule
from .words import FRACTION, MINUS, NUMBER, SPACE, after, before, cardinal, letter, letters
from .words import number as plain_number

_OPERAND_BEFORE = re.compile(r"[\w)\]|²³%°!′\"π∞]\s{0,3}$")
_OPERAND_AFTER = re.compile(r"\s{0,3}[-−+√(\[$€£]?[\w∞π√(\[.]")
_SHORT_PERIODS: Final = {
    "mo": "month",
    "yr": "year",
    "hr": "hour",
    "h": "hour",
    "wk": "week",
    "min": "minute",
    "sec": "second",
    "s": "second",
    "d": "day",
}
_COUNTED_BEFORE = re.compile(rf"\d{SPACE}?[^\W\d]{{1,12}}(?:/[^\W\d]{{1,5}})?$")
_PERIOD_AFTER = re.compile(
    r"\(|\d+[ ]?(?:km|mi|mL|ml|g|kg|m|L)\b|(?:\d+[ ]?)?(?:day|hour|minute|second|week|month|year"
    r"|person|serving|night|mo|yr|hr|wk|min"
    r"|sec|h|d|s)"
    r"(?!\w)"
)
_NO_OPERAND = re.compile(
    r"\b(?:for|of|with|is|are|at|if|and|or|by|to|than|be|in|only|about|needs?|requires?|must|the"
    r"|was|took|takes|costs?|has|have|from|on)\s$",
    re.IGNORECASE,
)
_SIGNS: Final = {
    "+": "plus",
    "-": "minus",
    "−": "minus",
    "–": "minus",
    "×": "times",
    "*": "times",
    "·": "times",
    "⋅": "times",
    "÷": "divided by",
    "/": "divided by",
    "=": "equals",
    "==": "equals",
    "===": "equals",
    ":=": "equals",
    "≡": "is equivalent to",
    "!=": "is not equal to",
    "≠": "is not equal to",
    "<>": "is not equal to",
    "≈": "is about",
    "~=": "is about",
    "≅": "is about",
    "<": "is less than",
    ">": "is greater than",
    "<=": "is less than or equal to",
    "≤": "is less than or equal to",
    "⩽": "is less than or equal to",
    ">=": "is greater than or equal to",
    "≥": "is greater than or equal to",
    "⩾": "is greater than or equal to",
    "±": "plus or minus",
    "∝": "is proportional to",
    "∈": "is in",
    "∉": "is not in",
    "⊂": "is a subset of",
    "∪": "union",
    "∩": "intersection",
}
_SIGN = "(?:" + "|".join(re.escape(s) for s in sorted(_SIGNS, key=len, reverse=True)) + ")"
_AT_NUMBERS: Final = {
    ">=": "at least",
    "≥": "at least",
    "<=": "at most",
    "≤": "at most",
    ">": "more than",
    "<": "less than",
    "~": "about",
    "≈": "about",
    "±": "plus or minus",
    "+": "plus",
}
_ALONE: Final = {
    "∞": "infinity",
    "π": "pi",
    "√": "the square root of",
    "∑": "the sum of",
    "∫": "the integral of",
    "∂": "partial",
    "∆": "delta",
    "∇": "nabla",
    "∀": "for all",
    "∃": "there is",
    "→": "to",
    "⇒": "implies",
    "←": "from",
    "↔": "to",
    "∴": "therefore",
    "♯": "sharp",
    "♭": "flat",
    "♮": "natural",
    "∛": "the cube root of",
    "∜": "the fourth root of",
    "∏": "the product of",
    "ℝ": "the real numbers",
    "ℕ": "the natural numbers",
    "ℤ": "the integers",
    "ℚ": "the rational numbers",
    "ℂ": "the complex numbers",
    "∅": "the empty set",
    "№": "number",
    "§": "section",
    "¶": "paragraph",
    **dict(
        zip(
            "αβγδεζηθικλμνξρστυφχψωΓΔΘΛΞΠΣΦΨΩ",
            (
                "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma"
                " tau upsilon phi chi psi omega gamma delta theta lambda xi pi sigma phi psi omega"
            ).split(),
            strict=True,
        )
    ),
}
_NAMED_POWERS: Final = {"2": "squared", "3": "cubed"}
_FUNCTIONS: Final = {"f", "g", "h", "p", "P", "F", "G", "y", "u", "v"}
_NAMED_FUNCTIONS: Final = {
    "sin": "sine of",
    "cos": "cosine of",
    "tan": "tangent of",
    "log": "log of",
    "ln": "natural log of",
    "exp": "E to the",
    "sqrt": "the square root of",
    "lim": "limit of",
    "max": "max of",
    "min": "min of",
    "O": "O of",
}
MATHS_SYMBOLS: Final = "".join(
    sorted(set("".join([*_SIGNS, *_AT_NUMBERS, *_ALONE])) | set("^~⁺⁻₊₋" + FRACTION[1:-1]))
)


def _operator(match: re.Match[str]) -> str | None:
    sign = match["sign"]
    lead, rest = before(match, 12), after(match, 12)
    if not _OPERAND_BEFORE.search(lead) or not _OPERAND_AFTER.match(rest):
        return None
    if _NO_OPERAND.search(lead) and sign in _AT_NUMBERS:
        return None
    spaced = lead[-1:].isspace() and rest[:1].isspace()
    close = not lead[-1:].isspace() and not rest[:1].isspace()
    if not spaced and not close:
        return None
    if sign == ">" and spaced and re.search(r"[^\W\d_]{2}\s$", lead) and re.match(r"\s\w\w", rest):
        # A way through menus.
        return ","
    left = re.search(r"[\w)\]²³%°!π∞]+\s*$", lead)
    last, first = (left.group().strip() if left else ""), rest.strip()
    numeric = last.endswith(")") or bool(
        re.search(r"(?:\d|π|∞|(?<![^\W\d])[^\W\d])[)\]²³%°!]*$", last)
    )
    operand = re.match(r"[-−+√(\[$€£]*(?:[\d.]|[A-Za-z]\d{1,2}(?!\w)|\w(?![^\W²³⁴⁵])|[π∞])", first)
    if (sign in ("-", "−", "–", "/", "*", "·") or (sign == "+" and close)) and not (
        numeric and operand
    ):
        return None
    if sign == "/" and not re.search(r"(?:(?:^|[\s(])(?:\d[\d.,]*|[a-z])|\))\s*$", lead):
        return None
    if sign in ("-", "–", "/") and close and not _in_equation(match):
        return None
    if sign in ("<", ">") and not spaced and not (numeric and operand):
        return None
    return _SIGNS[sign]


def _in_equation(match: re.Match[str]) -> bool:
    formula = r"(?:[\d.()+\-−*/^×÷²³ ]|(?<![^\W\d_])[^\W\d_](?![^\W\d_])){0,16}="
    return (
        re.match(formula, after(match, 18)) is not None
        or re.search(r"[=+×*÷]\s?[\w.]+$", before(match, 16)) is not None
    )


def _at_number(match: re.Match[str]) -> str | None:
    lead = before(match, 2)
    if lead and not (lead[-1].isspace() or lead[-1] in "(["):
        return None
    return _AT_NUMBERS[match["sign"]]


def _base(text: str) -> str:
    return plain_number(text) if text[0].isdecimal() else text


def _power(match: re.Match[str]) -> str:
    raised = match["raised"]
    if raised and re.search(
        r"(?<![^\W\d_])(?!sin|cos|tan|log|exp|sec|csc|cot)[^\W\d_]{3,}$", before(match)
    ):
        # The mark of a footnote.
        return ""
    if raised:
        exponent = lowered(raised)
    elif match["charge"]:
        exponent = match["charge"]
    else:
        exponent = (match["exponent"] or match["bracketed"]).strip("(){}")
    if exponent in _NAMED_POWERS:
        return _NAMED_POWERS[exponent]
    if re.fullmatch(r"\d*[-+]", exponent):
        # The charge of an ion.
        return _expression(exponent)
    return f"to the power of {_expression(exponent)}"


def _expression(text: str) -> str:
    """Return the words of a short formula without spaces, each letter by itself."""
    return " ".join(
        plain_number(part) if part.isdecimal() else _ALONE.get(part) or _SIGNS.get(part) or part
        for part in re.findall(r"\d+|\S", text)
    )


def _scientific(match: re.Match[str]) -> str:
    sign = "minus " if match["sign"] == "-" else ""
    return (
        f"{plain_number(match['base'])} times ten to the power of {sign}"
        f"{cardinal(int(match['exponent']))}"
    )


def _slash(match: re.Match[str]) -> str:
    if _COUNTED_BEFORE.search(before(match)) and _PERIOD_AFTER.match(after(match)):
        return "per"
    if _is_division(match):
        return "over"
    left = re.search(r"\w+$", before(match))
    right = re.match(r"\w+", after(match))
    words = (left.group() if left else "", right.group() if right else "")
    if {w.lower() for w in words} & {"he", "his", "him"} and {w.lower() for w in words} & {
        "she",
        "her",
        "hers",
    }:
        return "or"
    spelled = all(word.isalpha() and word.isupper() and len(word) > 1 for word in words)
    return " " if spelled or words == ("and", "or") else "slash"


def _is_division(match: re.Match[str]) -> bool:
    """Of brackets, or of a letter by a number: (a + b)/2, π/4, x/2."""
    if re.search(r"(?<!\w)[dΔ∂][a-z]?$", before(match, 3)) and re.match(
        r"[dΔ∂][a-z]\b", after(match, 3)
    ):
        return True
    left = re.search(r"(?:(?P<bracket>\))|(?<!\w)(?P<letter>[a-zπθ]))$", before(match, 3))
    right = re.match(
        r"(?P<bracket>\()|(?P<number>\d{1,3}(?!\w))|(?P<letter>[a-zπθ])(?!\w)", after(match, 4)
    )
    if left is None or right is None:
        return False
    return bool(
        not right["letter"] or left["bracket"] or "=" in before(match, 12) + after(match, 12)
    )


def _function(match: re.Match[str]) -> str | None:
    name, argument = match["name"], match["argument"]
    if len(name) == 1 and name != "O" and name not in _FUNCTIONS:
        return None
    told = _NAMED_FUNCTIONS.get(name, f"{name} of")
    shown = plain_number(argument) if argument[0].isdecimal() else argument
    return f"{told} {shown}"


def _bounded(match: re.Match[str]) -> str:
    """Of a sum, product, integral or limit, with what it goes from and to."""
    low = _expression(match["low"])
    if match["sign"] == "lim":
        return f"the limit as {low.replace(' to ', ' approaches ')} of"
    name = _ALONE[match["sign"]].removesuffix(" of")
    if high := match["high"]:
        return f"{name} from {low} to {_expression(high)} of"
    return f"{name} over {low} of"


MATHS: Final = (
    Rule(
        "scientific notation",
        r"(?P<base>\d+(?:\.\d+)?)[eE](?P<sign>[-+])?(?P<exponent>\d{1,3})",
        _scientific,
        {"6.02e23": "six point zero two times ten to the power of twenty three"},
    ),
    Rule(
        "times a power of ten",
        rf"(?P<base>{NUMBER})[ ]?[xX×·][ ]?10(?=\^|\*\*|[{SUPERSCRIPTS}])",
        lambda m: f"{plain_number(m['base'])} times ten",
        {
            "1.5×10³": "one point five times ten cubed",
            "2 x 10^-4": "two times ten to the power of minus four",
        },
        inside=True,
    ),
    Rule(
        "function",
        r"(?P<name>sin|cos|tan|log|ln|exp|sqrt|[A-Za-z])\((?P<argument>[A-Za-z]|\d+|[A-Za-z]\d?)\)",
        _function,
        {"f(x) = 2": "f of x equals two", "sqrt(16)": "the square root of sixteen"},
    ),
    Rule(
        "given",
        r"(?<=\w)[ ]?\|[ ]?(?=[A-Z¬]\w?\))",
        lambda m: "given" if re.search(r"P\([^()]{1,12}$", before(m, 16)) else None,
        {"P(A|B) = 0.2": "P of A- given B equals zero point two"},
        inside=True,
    ),
    Rule(
        "choices",
        r"(?P<of>\d{1,3})?C\((?P<all>\w{1,3}),[ ]?(?P<some>\w{1,3})\)",
        lambda m: f"{_base(m['all'])} choose {_base(m['some'])}",
        {"C(5,2) = 10": "five choose two equals ten"},
    ),
    Rule(
        "function of something",
        r"(?P<name>[fghFGP])(?P<primes>['′’]{0,3})(?=\([\w\s,.+\-−*/^|²³π×≤≥<>=]{1,24}\))",
        lambda m: letter(m["name"]) + len(m["primes"]) * " prime" + " of",
        {"f'(x) and g(x + 1)": "f prime of x and g of x plus one"},
    ),
    Rule(
        "logarithm",
        rf"log(?:(?P<low>[{SUBSCRIPTS}]{{1,3}})|_\(?(?P<base>\w{{1,3}})\)?)",
        lambda m: f"log base {_base(lowered(m['low'] or m['base']))} of",
        {"log₂(8) = 3": "log base two of eight equals three"},
        inside=True,
    ),
    Rule(
        "sum, product, integral and limit",
        r"(?P<sign>[∑∏∫]|lim)[ ]?_\((?P<low>[^()\n]{1,30})\)(?:\^\((?P<high>[^()\n]{1,30})\))?",
        _bounded,
        {
            "∑_(i=1)^(n) i": "the sum from i equals one to n of i",
            "lim_(x→0) x": "the limit as x approaches zero of x",
        },
        inside=True,
    ),
    Rule(
        "absolute value",
        r"(?<![\w|])\|(?=[-−]?\w[\w.²^]{0,8}(?:[ ]?[+\-−][ ]?[\w.²^]{1,8})?\|(?:[ ]?[=<>≤≥+\-−]"
        r"|[.,;]|$))",
        "the absolute value of",
        {"|−7| = 7": "the absolute value of minus seven equals seven"},
        inside=True,
    ),
    Rule(
        "isotope",
        r"(?<![\w)\]])(?P<mass>[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})(?P<element>[A-Z][a-z]?)",
        lambda m: f"{cardinal(int(lowered(m['mass'])))} {letters(m['element'])}",
        {"²³⁵U and ¹⁴C": "two hundred and thirty five U and fourteen C"},
        inside=True,
    ),
    Rule(
        "power",
        rf"(?<=[\w)\]])(?:(?P<raised>[{SUPERSCRIPTS}]+)"
        r"|(?:\^|\*\*)(?:(?P<bracketed>[({][\w+−-]{1,8}[)}])|(?P<charge>\d?[-+−](?![\w(]))|(?P<exponent>[-−]?(?:\d{1,6}|[a-z]))))",
        _power,
        {
            "2^3 = 8": "two cubed equals eight",
            "x² + y²": "x squared plus y squared",
            "10⁻³": "ten to the power of minus three",
            "2**10": "two to the power of ten",
            "e^x": "e to the power of x",
            "10^6": "ten to the power of six",
            "SO4^2-": "S.O four two minus",
            "Note¹ that": "Note that",
        },
        inside=True,
    ),
    Rule(
        "per a time",
        r"/(?P<unit>mo|yr|hr|wk|min|sec|h|s|d)(?!\w)",
        lambda m: f"per {_SHORT_PERIODS[m['unit']]}" if _COUNTED_BEFORE.search(before(m)) else None,
        {"365 days/yr": "three hundred and sixty five days per year"},
        inside=True,
    ),
    Rule(
        "slash between words",
        r"(?<=[^\s/])/(?=[^\s/])",
        _slash,
        {
            "and/or": "and or",
            "TCP/IP": "T.C.P I.P",
            "yes/no": "yes slash no",
            "he/she": "he or she",
            "3 doses/day or 4 mg/24 h": "three doses per day or four milligrams per twenty four"
            " hours",
            "(a + b)/2 and π/4": "a- plus b over two and pi over four",
        },
        inside=True,
    ),
    Rule(
        "arrow",
        r"->|=>|-->|<-",
        lambda m: "to" if m.group() != "<-" else "from",
        {"A -> B": "A to B"},
        inside=True,
    ),
    Rule(
        "operator",
        rf"(?P<sign>{_SIGN})(?![=<>])",
        _operator,
        {
            "5 - 3 = 2": "five minus three equals two",
            "5 * 3 = 15": "five times three equals fifteen",
            "5−3=2": "five minus three equals two",
            "2+2=4": "two plus two equals four",
            "x >= 5": "x is greater than or equal to five",
            "y != 3": "y is not equal to three",
            "a ≤ b": "a- is less than or equal to b",
            "3x + 5 = 20": "three x plus five equals twenty",
            "12 / 4 = 3": "twelve divided by four equals three",
            "3 < 5 and 7 > 2": "three is less than five and seven is greater than two",
            "y2 - y1": "y two minus y one",
            "in C-14; x = 5": "in C fourteen; x equals five",
            "Settings > General > About": "Settings, General, About",
            "(b + c) / 2": "b plus c, divided by two",
            "π ≈ 3.14": "pi is about three point one four",
            "5 ± 2": "five plus or minus two",
        },
        inside=True,
    ),
    Rule(
        "sign before a number",
        r"(?P<sign>>=|<=|[≥≤<>~≈±+])[ ]?(?=[$€£]?\d)",
        _at_number,
        {"~50 people": "about fifty people", "for >= 3 days": "for at least three days"},
        inside=True,
    ),
    Rule(
        "minus",
        rf"{MINUS}(?=[.\d½¼¾∞π]|[a-z](?:\s*[=+×±^²³)]|$))|−(?=\d)",
        "minus",
        {
            "It was -5 there.": "It was minus five there.",
            "–3%": "minus three percent",
            "-x": "minus x",
        },
        inside=True,
    ),
    Rule(
        "option of a command",
        r"(?<![\w-])--?(?=[A-Za-z][\w-]*\b)(?!-?[A-Z][a-z])",
        lambda m: "dash dash" if m.group() == "--" else "dash",
        {"Use --help or -v now.": "Use dash dash help or dash v now."},
        inside=True,
    ),
    Rule(
        "keys",
        r"(?<=[A-Za-z])\+(?=[A-Z])",
        "plus",
        {"Ctrl+C": "Control plus C"},
        inside=True,
    ),
    Rule(
        "variable a",
        r"(?<!\w)a(?=\s{0,3}(?:\^|[²³=+×≤≥≠≈<>/]|[-−]\s))|(?<=[=+×−<>≤≥]\s)a(?!\s?[a-z])|(?<=[=+×−]\s\s)a"
        r"(?!\s?[a-z])|(?<=√)a",
        "a-",
        {"a² = 4": "a- squared equals four", "x = a": "x equals a-"},
        inside=True,
    ),
    Rule(
        "factorial",
        r"(?P<number>\d{1,3})!(?=[ ]?[=×*])|(?<![\w'’])(?P<letter>[b-hj-z])!",
        lambda m: f"{m['letter'] or cardinal(int(m['number']))} factorial",
        {"5! = 120": "five factorial equals one hundred and twenty"},
    ),
    Rule(
        "degree of a variable",
        r"(?P<letter>[A-Za-zπ])(?P<digits>[₀-₉]+)",
        lambda m: f"{m['letter']} {plain_number(lowered(m['digits']))}",
        {"x₁ = 5": "x one equals five"},
    ),
    Rule(
        "mathematical symbol",
        "[" + re.escape("".join(_ALONE)) + "]",
        lambda m: _ALONE[m.group()] if len(m.group()) == 1 else None,
        {
            "2π": "two pi",
            "α and β": "alpha and beta",
            "√16": "the square root of sixteen",
            "§ 5": "section five",
        },
        inside=True,
    ),
)

__all__ = ["MATHS", "MATHS_SYMBOLS", "letters"]
