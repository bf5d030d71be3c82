"""Amounts of money in English."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ..rule import BAR, Rule
from .words import AMOUNT, DASH, FRACTIONS, MINUS, NUMBER, SCALES, SPACE, cardinal, number, plain


class _Currency(NamedTuple):
    one: str
    many: str
    cent: str = "cent"
    cents: str = "cents"


_DOLLAR = _Currency("dollar", "dollars")
_EURO = _Currency("euro", "euros")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_YEN = _Currency("yen", "yen", "sen", "sen")
_RUPEE = _Currency("rupee", "rupees", "paisa", "paise")
_YUAN = _Currency("yuan", "yuan", "fen", "fen")
_FRANC = _Currency("Swiss franc", "Swiss francs", "centime", "centimes")
_REAL = _Currency("real", "reais", "centavo", "centavos")
_KRONA = _Currency("krona", "kronor", "öre", "öre")
_KRONE = _Currency("krone", "kroner", "øre", "øre")
_RUBLE = _Currency("ruble", "rubles", "kopeck", "kopecks")
_WON = _Currency("won", "won", "jeon", "jeon")
_LIRA = _Currency("lira", "lira", "kurush", "kurush")
_PESO = _Currency("peso", "pesos", "centavo", "centavos")

_SYMBOLS: Final = {
    "US$": _Currency("U.S dollar", "U.S dollars"),
    "CA$": _Currency("Canadian dollar", "Canadian dollars"),
    "C$": _Currency("Canadian dollar", "Canadian dollars"),
    "AU$": _Currency("Australian dollar", "Australian dollars"),
    "A$": _Currency("Australian dollar", "Australian dollars"),
    "NZ$": _Currency("New Zealand dollar", "New Zealand dollars"),
    "HK$": _Currency("Hong Kong dollar", "Hong Kong dollars"),
    "S$": _Currency("Singapore dollar", "Singapore dollars"),
    "R$": _REAL,
    "Mex$": _PESO,
    "Rs.": _RUPEE,
    "Rs": _RUPEE,
    "$": _DOLLAR,
    "€": _EURO,
    "£": _POUND,
    "¥": _YEN,
    "₹": _RUPEE,
    "₽": _RUBLE,
    "₩": _WON,
    "₺": _LIRA,
    "₪": _Currency("shekel", "shekels", "agora", "agorot"),
    "₫": _Currency("dong", "dong", "xu", "xu"),
    "₦": _Currency("naira", "naira", "kobo", "kobo"),
    "₱": _PESO,
    "฿": _Currency("baht", "baht", "satang", "satang"),
    "₴": _Currency("hryvnia", "hryvnias", "kopiyka", "kopiykas"),
    "₿": _Currency("bitcoin", "bitcoins", "", ""),
    "zł": _Currency("zloty", "zlotys", "grosz", "groszy"),
    "Kč": _Currency("koruna", "korunas", "haler", "halers"),
    "kr": _Currency("krona", "kronor", "öre", "öre"),
    "NT$": _Currency("New Taiwan dollar", "New Taiwan dollars"),
    "CN¥": _YUAN,
    "Rp": _Currency("rupiah", "rupiah", "sen", "sen"),
    "RM": _Currency("ringgit", "ringgit", "sen", "sen"),
    "TL": _LIRA,
    "元": _YUAN,
    "円": _YEN,
    "৳": _Currency("taka", "taka", "poisha", "poisha"),
    "₡": _Currency("colón", "colones", "céntimo", "céntimos"),
    "₲": _Currency("guarani", "guaranis", "", ""),
    "₵": _Currency("cedi", "cedis", "pesewa", "pesewas"),
    "₸": _Currency("tenge", "tenge", "tiyn", "tiyn"),
    "₼": _Currency("manat", "manats", "qapik", "qapik"),
    "₾": _Currency("lari", "lari", "tetri", "tetri"),
    "₭": _Currency("kip", "kip", "", ""),
    "₮": _Currency("tugrik", "tugriks", "", ""),
}
_CODES: Final = {
    "USD": _Currency("U.S dollar", "U.S dollars"),
    "EUR": _EURO,
    "GBP": _Currency("British pound", "British pounds", "penny", "pence"),
    "JPY": _Currency("Japanese yen", "Japanese yen", "sen", "sen"),
    "CHF": _FRANC,
    "CAD": _SYMBOLS["CA$"],
    "AUD": _SYMBOLS["A$"],
    "NZD": _SYMBOLS["NZ$"],
    "HKD": _SYMBOLS["HK$"],
    "SGD": _SYMBOLS["S$"],
    "INR": _Currency("Indian rupee", "Indian rupees", "paisa", "paise"),
    "CNY": _Currency("Chinese yuan", "Chinese yuan", "fen", "fen"),
    "RMB": _YUAN,
    "SEK": _Currency("Swedish krona", "Swedish kronor", "öre", "öre"),
    "NOK": _Currency("Norwegian krone", "Norwegian kroner", "øre", "øre"),
    "DKK": _Currency("Danish krone", "Danish kroner", "øre", "øre"),
    "PLN": _SYMBOLS["zł"],
    "CZK": _Currency("Czech koruna", "Czech korunas", "haler", "halers"),
    "HUF": _Currency("Hungarian forint", "Hungarian forints", "filler", "filler"),
    "RUB": _RUBLE,
    "UAH": _SYMBOLS["₴"],
    "BRL": _Currency("Brazilian real", "Brazilian reais", "centavo", "centavos"),
    "MXN": _Currency("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "ZAR": _Currency("South African rand", "South African rand"),
    "KRW": _Currency("Korean won", "Korean won", "jeon", "jeon"),
    "TRY": _Currency("Turkish lira", "Turkish lira", "kurush", "kurush"),
    "ILS": _SYMBOLS["₪"],
    "AED": _Currency("dirham", "dirhams", "fils", "fils"),
    "SAR": _Currency("Saudi riyal", "Saudi riyals", "halala", "halalas"),
    "THB": _SYMBOLS["฿"],
    "IDR": _Currency("Indonesian rupiah", "Indonesian rupiah", "sen", "sen"),
    "MYR": _Currency("Malaysian ringgit", "Malaysian ringgit", "sen", "sen"),
    "PHP": _Currency("Philippine peso", "Philippine pesos", "centavo", "centavos"),
    "VND": _Currency("Vietnamese dong", "Vietnamese dong", "xu", "xu"),
    "TWD": _Currency("New Taiwan dollar", "New Taiwan dollars"),
    "ARS": _Currency("Argentine peso", "Argentine pesos", "centavo", "centavos"),
    "CLP": _Currency("Chilean peso", "Chilean pesos", "centavo", "centavos"),
    "COP": _Currency("Colombian peso", "Colombian pesos", "centavo", "centavos"),
    "EGP": _Currency("Egyptian pound", "Egyptian pounds", "piastre", "piastres"),
    "NGN": _SYMBOLS["₦"],
    "KES": _Currency("Kenyan shilling", "Kenyan shillings"),
    "PKR": _Currency("Pakistani rupee", "Pakistani rupees", "paisa", "paise"),
    "LKR": _Currency("Sri Lankan rupee", "Sri Lankan rupees"),
    "RON": _Currency("Romanian leu", "Romanian lei", "ban", "bani"),
    "BGN": _Currency("Bulgarian lev", "Bulgarian leva", "stotinka", "stotinki"),
    "ISK": _Currency("Icelandic króna", "Icelandic krónur", "", ""),
    "QAR": _Currency("Qatari riyal", "Qatari riyals", "dirham", "dirhams"),
    "KWD": _Currency("Kuwaiti dinar", "Kuwaiti dinars", "", ""),
    "BTC": _SYMBOLS["₿"],
    "ETH": _Currency("ether", "ether", "", ""),
}
_NAMES: Final = {**_SYMBOLS, **_CODES}

_LAST_ONLY: Final = frozenset("kr TL 元 円 PHP COP".split())
"""Not read before a number, where PHP is a language."""
_BEFORE = "(?:" + "|".join(re.escape(s) for s in [*_SYMBOLS, *_CODES] if s not in _LAST_ONLY) + ")"
_AFTER = (
    "(?:"
    + "|".join(
        re.escape(s)
        for s in [
            *_CODES,
            "$",
            "€",
            "£",
            "¥",
            "₹",
            "₽",
            "₩",
            "₺",
            "₪",
            "₫",
            "₴",
            "₿",
            "zł",
            "Kč",
            "kr",
            "TL",
            "฿",
            "₱",
            "₦",
            "₸",
            "₾",
            "元",
            "円",
        ]
    )
    + ")"
)
_DOTTED = r"\d{1,3}(?:\.\d{3})*\.\d(?:00|\d0)(?!\d|[.,]\d)|\d{1,3}(?:\.\d{3}){2,}(?!\d|[.,]\d)"
"""Grouped by full stops, as where these currencies are at home: "Rp 150.000"."""
_SPACED = r"\d{1,3}(?:[ ]\d{3})+(?![.,]?\d)"
_GROUPED_BY_STOPS: Final = frozenset(
    "Rp IDR € EUR ₫ VND R$ BRL TL ₺ TRY kr DKK ARS COP CLP".split()
)
_CODE = "(?:" + "|".join(_CODES) + r")(?!\w)"
_ROUND = r"(?:\.[-–—](?![\w-]))"
"""The cents of a round amount, as written in Switzerland."""
_SCALE = "(?:" + "|".join(sorted(SCALES, key=len, reverse=True)) + r")(?!\w)"
_PERIODS: Final = {
    "mo": "month",
    "mth": "month",
    "yr": "year",
    "y": "year",
    "wk": "week",
    "hr": "hour",
    "h": "hour",
    "min": "minute",
    "d": "day",
    "kg": "kilogram",
    "lb": "pound",
    "oz": "ounce",
    "g": "gram",
    "l": "liter",
    "L": "liter",
    "gal": "gallon",
    "kWh": "kilowatt hour",
    "GB": "gigabyte",
    "MB": "megabyte",
    "sqft": "square foot",
    "m²": "square meter",
    "km": "kilometer",
    "mi": "mile",
    "ea": "each",
}
_PER = (
    r"(?P<per>/(?:[a-z]{3,12}|" + "|".join(sorted(_PERIODS, key=len, reverse=True)) + r")(?!\w))?"
)
_ARTICLE = re.compile(r"(?:^|[\s(])(?:an?|another|each|every|single|one)\s$", re.IGNORECASE)
_NOUN = re.compile(r"[ -][a-z]{3,}")
_NO_NOUN = re.compile(
    r"[ -](?:and|or|for|per|each|more|less|off|plus|from|every|with|the|now|today|extra|was|will"
    r"|that|which|because|but|then|when|this|last|next|before|after|over|under|than|including)\b"
)


def _amount(text: str, scale: str | None, currency: _Currency, *, one: bool) -> str:
    """Return the words of an amount; with `one`, as it stands before a noun: "five dollar"."""
    whole, _, decimals = plain(text).partition(".")
    if scale:
        return f"{number(text)} {SCALES[scale]} {currency.one if one else currency.many}"
    if len(decimals) == 2 and currency.cent:
        major, minor = int(whole or "0"), int(decimals)
        parts = []
        if major or not minor:
            parts.append(f"{cardinal(major)} {currency.one if major == 1 else currency.many}")
        if minor:
            parts.append(f"{cardinal(minor)} {currency.cent if minor == 1 else currency.cents}")
        return " and ".join(parts)
    words = number(text, code=False)
    single = one or words == "one"
    return f"{words} {currency.one if single else currency.many}"


def _read(match: re.Match[str]) -> str | None:
    found = match.groupdict()
    symbol = found.get("code") or found["currency"]
    currency = _NAMES[symbol]
    scale = found.get("scale")
    upper = found.get("upper")
    amount = found["amount"]
    if re.fullmatch(_DOTTED, amount) and (symbol in _GROUPED_BY_STOPS or amount.count(".") > 1):
        amount = amount.replace(".", "")
    lead = match.string[max(0, match.start() - 12) : match.start()]
    follows = match.string[match.end() : match.end() + 16]
    one = bool(
        not found.get("per")
        and (
            re.match(r"-(?!a-|plus)[a-z]|\s(?:bills?|notes?|coins?|gift|chips?)\b", follows)
            or (_ARTICLE.search(lead) and _NOUN.match(follows) and not _NO_NOUN.match(follows))
        )
    )
    words = "minus " if found.get("minus") else ""
    if upper:
        words += number(amount, code=False) + " to "
        if (lower_scale := found.get("lower_scale")) and lower_scale != scale:
            words = words[: -len(" to ")] + f" {SCALES[lower_scale]} to "
        words += _amount(upper, scale, currency, one=one)
    elif symbol in _CODES and re.fullmatch(r"0?\.\d+", amount):
        # Cents alone would not tell of which currency.
        words += f"{number(found['amount'], code=False)} {currency.many}"
    else:
        words += _amount(amount, scale, currency, one=one)
    if fraction := found.get("fraction"):
        above, below = FRACTIONS[fraction]
        part = "half" if (above, below) == (1, 2) else f"{cardinal(above)} quarters"
        words = f"{cardinal(int(found['amount']))} and a {part} {currency.many}"
    if found.get("plus"):
        words += " plus"
    if per := found.get("per"):
        period = _PERIODS.get(per[1:], per[1:])
        words += " each" if period == "each" else f" per {period}"
    return _with_bars(match.group(), words)


def _with_bars(written: str, words: str) -> str:
    """Give the scale its own word where it is written apart: "$3 million"."""
    parts = written.split()
    if len(parts) == 2 and parts[1] in SCALES and f" {parts[1]} " in words:
        return words.replace(f" {parts[1]} ", f"{BAR}{parts[1]} ", 1)
    return words


MONEY: Final = (
    Rule(
        "money, range",
        rf"(?P<currency>{_BEFORE}){SPACE}?(?P<amount>{AMOUNT}){SPACE}?(?P<lower_scale>{_SCALE})?"
        rf"{SPACE}?{DASH}{SPACE}?(?:(?P=currency))?(?P<upper>{AMOUNT})"
        rf"(?:{SPACE}?(?P<scale>{_SCALE}))?{_PER}",
        _read,
        {
            "It costs $5-$10.": "It costs five to ten dollars.",
            "About €20–30 a night.": "About twenty to thirty euros a night.",
            "Salaries of $80K–$120K.": "Salaries of eighty to one hundred and twenty thousand"
            " dollars.",
            "from $1.5–2 million": "from one point five to two million dollars",
        },
    ),
    Rule(
        "money, sign first",
        rf"(?P<minus>{MINUS})?(?P<currency>{_BEFORE}){SPACE}?(?P<sign2>[-−–])?(?P<amount>{_DOTTED}|{AMOUNT})"
        rf"(?:(?:{SPACE}|-)?(?P<scale>{_SCALE}))?(?P<plus>\+(?=[\s.,;!?)]|$))?{_PER}"
        rf"(?:{_ROUND}|{SPACE}(?P<code>{_CODE}))?",
        lambda m: (
            _read(m) if not m["sign2"] else "minus " + (_read(m) or "").removeprefix("minus ")
        ),
        {
            "It costs $5.99.": "It costs five dollars and ninety nine cents.",
            "Only $0.99!": "Only ninety nine cents!",
            "That is $1.": "That is one dollar.",
            "Total: $1,299.00": "Total: one thousand two hundred and ninety nine dollars",
            "It cost $3M.": "It cost three million dollars.",
            "US$ 1.2bn in debt": "one point two billion U.S dollars in debt",
            "€3 or £2.50": "three euros or two pounds and fifty pence",
            "¥1,500 and ₹99": "one thousand five hundred yen and ninety nine rupees",
            "a $5 coffee": "a five dollar coffee",
            "five $20 bills": "five twenty dollar bills",
            "$5-a-day": "five dollars-a-day",
            "€ 1.234,56": "one thousand two hundred and thirty four euros and fifty six cents",
            "a $20-million deal": "a twenty million dollar deal",
            "$9.99/month": "nine dollars and ninety nine cents per month",
            "a loss of -$40": "a loss of minus forty dollars",
            "CHF 20 each": "twenty Swiss francs each",
            "CHF 20.- or CHF 5.–": "twenty Swiss francs or five Swiss francs",
            "$1,250.50 CAD": "one thousand two hundred and fifty Canadian dollars and fifty cents",
            "$100+ in fees": "one hundred dollars plus in fees",
            "£1.01": "one pound and one penny",
            "€49,90 or R$ 5,50": "forty nine euros and ninety cents or five reais and fifty"
            " centavos",
            "₹2 crore": "two crore rupees",
            "Rp 150.000 or €1.500": "one hundred and fifty thousand rupiah or one thousand five"
            " hundred euros",
            "Gas is $3.459.": "Gas is three point four five nine dollars.",
        },
    ),
    Rule(
        "money, name last",
        rf"(?P<minus>{MINUS})?(?P<amount>{_DOTTED}|{_SPACED}|{AMOUNT})(?:{SPACE}?(?P<scale>{_SCALE}))?"
        rf"{_ROUND}?{SPACE}?(?P<currency>{_AFTER})(?!\d){_PER}",
        _read,
        {
            "5 USD": "five U.S dollars",
            "20€ please": "twenty euros please",
            "1.5 million EUR": "one point five million euros",
            "300 kr": "three hundred kronor",
            "1 200 kr": "one thousand two hundred kronor",
            "45 TL": "forty five lira",
            "1.250 €": "one thousand two hundred and fifty euros",
            "0.5 BTC": "zero point five bitcoins",
            "1 USD = 0.92 EUR": "one U.S dollar equals zero point nine two euros",
            "20.- CHF": "twenty Swiss francs",
        },
    ),
    Rule(
        "money, sign within",
        r"(?P<amount>\d{1,6})(?P<currency>[€$£])(?P<cents>\d\d)",
        lambda m: _amount(f"{m['amount']}.{m['cents']}", None, _NAMES[m["currency"]], one=False),
        {"It is 3€50.": "It is three euros and fifty cents."},
    ),
    Rule(
        "currency by itself",
        r"(?P<currency>US\$|CA\$|A\$|NZ\$|HK\$|S\$)(?=\s[A-Za-z])",
        lambda m: _NAMES[m["currency"]].one,
        {"The US$ exchange rate": "The U.S dollar exchange rate"},
        inside=True,
    ),
    Rule(
        "cents",
        rf"(?P<amount>{NUMBER}){SPACE}?¢",
        lambda m: f"{number(m['amount'])} {'cent' if m['amount'] == '1' else 'cents'}",
        {"only 50¢ each": "only fifty cents each"},
        inside=True,
    ),
)
