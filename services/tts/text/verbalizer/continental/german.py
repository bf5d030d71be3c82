"""German."""

from __future__ import annotations

import re
from typing import Final

from .. import numerals
from ..rule import Language, Rule
from .rules import Examples, never_last, shared_rules, sometimes_last
from .table import Table, currencies, nouns, pairs

_MONTHS: Final = (
    "Januar Februar März April Mai Juni Juli August September Oktober November Dezember".split()
)
_WEAK: Final = frozenset(
    "dem den des am vom zum zur im beim ans ins einem einer eines meinem deinem seinem ihrem"
    " unserem jedem jeden diesem diesen ab bis seit nach".split()
)
_ARTICLES: Final = frozenset("der die das diese dieser dieses jede jeder jedes".split())
_DATIVE: Final = re.compile(
    r"\b(?:in|mit|von|zu|bei|nach|aus|seit|an|auf|vor|unter|über|neben|hinter|ab)\s+der\s*$",
    re.IGNORECASE,
)
_FEMININE: Final = frozenset(
    "Klasse Etage Liga Runde Person Auflage Version Stufe Woche Stunde Reihe Frage Antwort"
    " Hälfte Generation Staffel Folge Dynastie Sinfonie".split()
)
_NEUTER: Final = frozenset(
    "Jahrhundert Kapitel Jahr Mal Obergeschoss Stockwerk Semester Quartal Halbjahr Kind Spiel"
    " Treffen Gebot Jahrtausend".split()
)
_FOLLOWS: Final = frozenset(
    {*_MONTHS, *_FEMININE, *_NEUTER}
    | set(
        "Stock Weltkrieg Platz Rang Geburtstag Tag Schritt Teil Band Akt Advent Montag Dienstag"
        " Mittwoch Donnerstag Freitag Samstag Sonntag Jahrestag Bezirk Satz Punkt".split()
    )
)


def _gendered(words: str, gender: str) -> str:
    if not words.endswith("eins"):
        return words
    return words[:-1] + ("e" if gender == "f" else "")


def _ordinal(value: int, before: str, noun: str) -> str:
    stem = numerals.ordinal(value, "de").removesuffix("e")
    word = re.search(r"(\w+)\s*$", before)
    said = word[1].lower() if word else ""
    if said in _WEAK or _DATIVE.search(before):
        return f"{stem}en"
    if said in _ARTICLES or noun in _FEMININE:
        return f"{stem}e"
    return f"{stem}{'es' if noun in _NEUTER else 'er'}"


def _date(day: int, month: str, year: int | None, before: str) -> str:
    words = f"{_ordinal(day, before, month)} {month}"
    return f"{words} {numerals.year(year, 'de')}" if year else words


def _clock(hour: int, minute: int, before: str) -> str:
    spoken = _gendered(numerals.cardinal(hour, "de"), "m")
    words = f"{spoken} Uhr"
    return f"{words} {numerals.cardinal(minute, 'de')}" if minute else words


def _year(value: int) -> str:
    if 1100 <= value <= 1999:
        return numerals.year(value, "de")
    return numerals.cardinal(value, "de")


def _position(match: re.Match[str]) -> str | None:
    before, noun = match.string[: match.start()], match["noun"]
    last = re.search(r"(\w+)\s*$", before)
    said = last[1].lower() if last else ""
    ordinal = (
        said in (_WEAK - {"bis", "seit", "nach"}) | _ARTICLES | {"ein", "eine", "einen"}
        or noun in _FOLLOWS
        or noun[0].islower()
    )
    return _ordinal(int(match["number"]), before, noun) if ordinal else None


def _gender_of(word: str) -> str:
    if not word[0].isupper():
        return ""
    feminine = word in _FEMININE or re.search(
        r"(?:ung|heit|keit|schaft|tät|ion|ie|[^g]e|in)$", word
    )
    return "f" if feminine or word == "Person" else "n"


_TABLE: Final = Table(
    code="de",
    point="Komma",
    dot="Punkt",
    minus="minus",
    to="bis",
    score="zu",
    months=tuple(_MONTHS),
    date=_date,
    clock=_clock,
    clock_forms=r"(?P<hour>\d{1,2})[:.](?P<minute>[0-5]\d)(?::\d\d)?[ \u00a0]?Uhr"
    r"|(?P<hour_alone>\d{1,2})[ \u00a0]?Uhr(?:[ ](?P<minute_after>[1-5]?\d)(?![\d.,]))?"
    r"|(?P<hour_only>[01]?\d|2[0-4]):(?P<minute_only>[0-5]\d)(?!:?\d)",
    ruler=lambda value: f"der {numerals.ordinal(value, 'de')}",
    of_currency=lambda name: name,
    cents="",
    signs=pairs("""
        = | gleich
        + | plus
        × | mal
        ⋅ | mal
        ÷ | geteilt durch
        ± | plus minus
        < | kleiner als
        > | größer als
        ≤ | kleiner oder gleich
        ≥ | größer oder gleich
        ≠ | ungleich
        ≈ | ungefähr
        √ | Wurzel aus
        π | Pi
        ∞ | unendlich
        & | und
        % | Prozent
        § | Paragraf
        € | Euro
        $ | Dollar
        £ | Pfund
    """),
    fractions=pairs("""
        ½ | einhalb
        ¼ | ein Viertel
        ¾ | drei Viertel
        ⅓ | ein Drittel
        ⅔ | zwei Drittel
        1/2 | ein halb
        1/3 | ein Drittel
        2/3 | zwei Drittel
        1/4 | ein Viertel
        3/4 | drei Viertel
    """),
    and_fraction="-",
    currencies=currencies("""
        € EUR Euro | Euro | Euro | m
        c | Cent | Cent | m
        $ USD US$ Dollar | Dollar | Dollar | m
        c | Cent | Cent | m
        £ GBP | Pfund | Pfund | n
        p | Penny | Pence | m
        CHF Fr. | Franken | Franken | m
        c | Rappen | Rappen | m
        ¥ JPY | Yen | Yen | m
        c | Sen | Sen | m
        ₹ INR | Rupie | Rupien | f
        c | Paise | Paise | f
        zł PLN | Złoty | Złoty | m
        c | Groschen | Groschen | m
        kr SEK NOK DKK | Krone | Kronen | f
        c | Öre | Öre | n
    """),
    units=nouns("""
        km | Kilometer | Kilometer | m
        m | Meter | Meter | m
        cm | Zentimeter | Zentimeter | m
        mm | Millimeter | Millimeter | m
        µm μm | Mikrometer | Mikrometer | m
        nm | Nanometer | Nanometer | m
        km² | Quadratkilometer | Quadratkilometer | m
        m² qm | Quadratmeter | Quadratmeter | m
        cm² | Quadratzentimeter | Quadratzentimeter | m
        m³ | Kubikmeter | Kubikmeter | m
        ha | Hektar | Hektar | m
        km/h | Kilometer pro Stunde | Kilometer pro Stunde | m
        m/s | Meter pro Sekunde | Meter pro Sekunde | m
        kg | Kilogramm | Kilogramm | n
        g | Gramm | Gramm | n
        mg | Milligramm | Milligramm | n
        µg μg | Mikrogramm | Mikrogramm | n
        t | Tonne | Tonnen | f
        l L | Liter | Liter | m
        ml mL | Milliliter | Milliliter | m
        cl | Zentiliter | Zentiliter | m
        h Std. Std | Stunde | Stunden | f
        min Min. Min | Minute | Minuten | f
        s Sek. Sek | Sekunde | Sekunden | f
        ms | Millisekunde | Millisekunden | f
        °C ℃ | Grad Celsius | Grad Celsius | m
        °F ℉ | Grad Fahrenheit | Grad Fahrenheit | m
        x | Mal | Mal | n
        ° | Grad | Grad | m
        % | Prozent | Prozent | n
        ‰ | Promille | Promille | n
        hPa | Hektopascal | Hektopascal | n
        mmHg | Millimeter Quecksilber | Millimeter Quecksilber | m
        mAh | Milliamperestunde | Milliamperestunden | f
        kWh | Kilowattstunde | Kilowattstunden | f
        kW | Kilowatt | Kilowatt | n
        MW | Megawatt | Megawatt | n
        W | Watt | Watt | n
        V | Volt | Volt | n
        A | Ampere | Ampere | n
        Hz | Hertz | Hertz | n
        kHz | Kilohertz | Kilohertz | n
        MHz | Megahertz | Megahertz | n
        GHz | Gigahertz | Gigahertz | n
        KB kB | Kilobyte | Kilobyte | n
        MB | Megabyte | Megabyte | n
        GB | Gigabyte | Gigabyte | n
        TB | Terabyte | Terabyte | n
        Mbit/s | Megabit pro Sekunde | Megabit pro Sekunde | n
        Gbit/s | Gigabit pro Sekunde | Gigabit pro Sekunde | n
        kcal | Kilokalorie | Kilokalorien | f
        kJ | Kilojoule | Kilojoule | n
        dB | Dezibel | Dezibel | n
        PS | PS | PS | n
        EL | Esslöffel | Esslöffel | m
        TL | Teelöffel | Teelöffel | m
        Stk. | Stück | Stück | n
    """),
    per="pro",
    scales=nouns("""
        k | tausend | tausend | n
        Mio | Million | Millionen | f
        Mrd | Milliarde | Milliarden | f
        Bio | Billion | Billionen | f
        Million Millionen | Million | Millionen | f
        Milliarde Milliarden | Milliarde | Milliarden | f
        Tsd | tausend | tausend | n
    """),
    abbreviations=pairs("""
        z. B. | zum Beispiel
        d. h. | das heißt
        u. a. | unter anderem
        u. U. | unter Umständen
        i. d. R. | in der Regel
        v. a. | vor allem
        s. o. | siehe oben
        s. u. | siehe unten
        o. Ä. | oder Ähnliches
        n. Chr. | nach Christus
        v. Chr. | vor Christus
        n. V. | nach Verlängerung
        p. a. | pro Jahr
        h. c. | ehrenhalber
        m. E. | meines Erachtens
        usw. | und so weiter
        mind. | mindestens
        tgl. | täglich
        mtl. | monatlich
        insb. | insbesondere
        bzgl. | bezüglich
        gem. | gemäß
        wg. | wegen
        Bsp. | Beispiel
        Aufl. | Auflage
        Jhdt. | Jahrhundert
        med. | med
        Dipl.-Ing. | Diplomingenieur
        etc. | et cetera
        bzw. | beziehungsweise
        ca. | circa
        evtl. | eventuell
        ggf. | gegebenenfalls
        inkl. | inklusive
        zzgl. | zuzüglich
        max. | maximal
        min. | mindestens
        Nr. | Nummer
        Str. | Straße
        Tel. | Telefon
        Dr. | Doktor
        Prof. | Professor
        Hr. | Herr
        Fr. | Frau
        St. | Sankt
        vgl. | vergleiche
        sog. | sogenannte
        Abb. | Abbildung
        Kap. | Kapitel
        Abs. | Absatz
        Art. | Artikel
        S. | Seite
        geb. | geboren
        gest. | gestorben
        Jh. | Jahrhundert
    """),
    closing=frozenset({"p. a.", "n. V.", "usw.", "etc.", "n. Chr.", "v. Chr.", "Jh.", "o. Ä."}),
    before_number=frozenset(
        {"Art.", "Abs.", "Abb.", "Kap.", "S.", "Nr.", "max.", "min.", "Tel.", "geb.", "gest."}
    ),
    before_name=frozenset({"St.", "Fr.", "Hr."}),
    powers=("hoch zwei", "hoch drei", "hoch"),
    weekdays={
        "Mo": "Montag",
        "Di": "Dienstag",
        "Mi": "Mittwoch",
        "Do": "Donnerstag",
        "Fr": "Freitag",
        "Sa": "Samstag",
        "So": "Sonntag",
    },
    short_months={
        "jan": "Januar",
        "feb": "Februar",
        "mär": "März",
        "apr": "April",
        "jun": "Juni",
        "jul": "Juli",
        "aug": "August",
        "sep": "September",
        "sept": "September",
        "okt": "Oktober",
        "nov": "November",
        "dez": "Dezember",
    },
    halves={"m": "ein halber", "f": "eine halbe", "n": "ein halbes"},
    words_too=frozenset({"Bio"}),
    after_whole={"1/2": "einhalb"},
    gendered=_gendered,
    gender_of=_gender_of,
    paired_decimals=False,
    year=_year,
)

_EXAMPLES: Final[Examples] = {
    "abbreviation": {
        "Es gibt z. B. Brot, Käse usw.": "Es gibt zum Beispiel Brot, Käse und so weiter.",
        "z.B. ca. 5 Äpfel, Nr.5": "zum Beispiel circa fünf Äpfel, Nummer fünf",
        "z.B. ca. 5 Äpfel": "zum Beispiel circa fünf Äpfel",
        "Hauptstr. Nr. 5": "Hauptstraße Nummer fünf",
        "Art. 5 ist dieser Art.": "Artikel fünf ist dieser Art.",
        "Er heißt Max.": "Er heißt Max.",
    },
    "date": {
        "Am 14.03.2025 geht es los.": "Am vierzehnten März zweitausendfünfundzwanzig geht es los.",
        "2025-03-01": "erster März zweitausendfünfundzwanzig",
    },
    "time of day": {
        "Um 14:30 Uhr oder 8.05 Uhr": "Um vierzehn Uhr dreißig oder acht Uhr fünf",
        "ab 1 Uhr": "ab ein Uhr",
        "Von 9:00 bis 17:30": "Von neun Uhr bis siebzehn Uhr dreißig",
    },
    "telephone number": {
        "030 123456": "null drei null, eins zwei drei vier fünf sechs",
    },
    "money": {
        "Das kostet 5,99 €.": "Das kostet fünf Euro neunundneunzig.",
        "1.000.000 €": "eine Million Euro",
        "$1": "ein Dollar",
        "12,99 €/Monat oder 5,- €": "zwölf Euro neunundneunzig pro Monat oder fünf Euro",
        "0,50 €": "fünfzig Cent",
        "3,5 Mio. € Umsatz": "drei Komma fünf Millionen Euro Umsatz",
        "−20 €": "minus zwanzig Euro",
    },
    "quantity": {
        "10 km mit 60 km/h": "zehn Kilometer mit sechzig Kilometer pro Stunde",
        "2,5 kg": "zwei Komma fünf Kilogramm",
        "−5 °C": "minus fünf Grad Celsius",
        "1 h, 2x täglich": "eine Stunde, zwei Mal täglich",
        "10–15 %": "zehn bis fünfzehn Prozent",
    },
    "large number": {"83 Mio. Menschen": "dreiundachtzig Millionen Menschen"},
    "ruler": {"Ludwig XIV. war König.": "Ludwig der vierzehnte war König."},
    "pair": {
        "24/7 offen": "vierundzwanzig sieben offen",
        "120/80 mmHg": "einhundertzwanzig achtzig Millimeter Quecksilber",
    },
    "version": {"Version 1.2.3": "Version eins Punkt zwei Punkt drei"},
    "range": {"Seiten 10–12": "Seiten zehn bis zwölf"},
    "score": {"Es steht 3:2.": "Es steht drei zu zwei."},
    "fraction": {"½ Liter": "einhalb Liter", "2½ Stunden": "zweieinhalb Stunden"},
    "number": {
        "1.234.567 Leute": "eine Million zweihundertvierunddreißigtausend"
        "fünfhundertsiebenundsechzig Leute",
        "3,14": "drei Komma eins vier",
        "seit 1999": "seit neunzehnhundertneunundneunzig",
        "007": "null null sieben",
        "1 Person und 1 Tag, Kapitel III": "eine Person und ein Tag, Kapitel drei",
    },
    "times, range": {"von 9.00–17.00 Uhr": "von neun Uhr bis siebzehn Uhr"},
    "number with a label": {"Ihr Code ist 482913.": "Ihr Code ist vier acht zwei neun eins drei."},
    "weekdays": {
        "Mo.–Fr. 9 Uhr": "Montag bis Freitag neun Uhr",
        "Do, 5. Mai": "Donnerstag, fünfter Mai",
        "So 3 Tage lang": "So drei Tage lang",
        "Es ist so. Er geht.": "Es ist so. Er geht.",
    },
    "part of a thing": {
        "1/2 TL Salz": "ein halber Teelöffel Salz",
        "2 1/2 l": "zweieinhalb Liter",
        "3/4 l": "drei Viertel Liter",
    },
    "number with a letter": {"Nr. 12a": "Nummer zwölf A"},
    "IBAN": {
        "DE89 3704 0044 0532 0130 00": "D E acht neun, drei sieben null vier, null null vier"
        " vier, null fünf drei zwei, null eins drei null, null null"
    },
    "power": {"x² + 2^5": "x hoch zwei plus zwei hoch fünf"},
    "divided by": {"10 : 2 = 5": "zehn geteilt durch zwei gleich fünf"},
    "short month": {"am 1. Jan. 2024": "am ersten Januar zweitausendvierundzwanzig"},
    "number before a power": {"2³": "zwei hoch drei"},
    "times": {"3 · 4": "drei mal vier"},
    "sign": {
        "5 - 3 = 2": "fünf minus drei gleich zwei",
        "9:00 – 18:30 Uhr": "neun Uhr bis achtzehn Uhr dreißig",
        "€10–€20": "zehn Euro bis zwanzig Euro",
        "§ 5": "Paragraf fünf",
    },
}

_POSITION: Final = Rule(
    "position",
    # A number with a full stop that begins a line is taken for a list's, and given a comma.
    rf"(?P<number>\d{{1,3}})(?:\.|,(?=[ ](?:{'|'.join(_MONTHS)})\b))"
    r"(?=[ \u00a0](?P<noun>[^\W\d_]+))",
    _position,
    {
        "in der 2. Halbzeit": "in der zweiten Halbzeit",
        "Der 3. Oktober ist frei.": "Der dritte Oktober ist frei.",
        "Am 3. Oktober": "Am dritten Oktober",
        "die 1. Antwort": "die erste Antwort",
        "1. Januar 2025": "erster Januar zweitausendfünfundzwanzig",
        "im 21. Jahrhundert": "im einundzwanzigsten Jahrhundert",
        "Er wohnt 2. Etage.": "Er wohnt zweite Etage.",
    },
    inside=True,
)


def _day_and_month(match: re.Match[str]) -> str | None:
    day, month = int(match["day"]), int(match["month"])
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    words = _date(day, _MONTHS[month - 1], None, match.string[: match.start()])
    return words if match.string[match.end() :].strip() else f"{words}."


_SHORT_DATE: Final = Rule(
    "date without a year",
    r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?!\d)",
    _day_and_month,
    {
        "Am 3.10. ist frei.": "Am dritten Oktober ist frei.",
        "bis zum 24.12.": "bis zum vierundzwanzigsten Dezember.",
    },
    inside=True,
)
_DECADE: Final = Rule(
    "decade",
    r"(?P<years>(?:1[1-9]|20)?\d0)er(?P<named>-Jahren?)?",
    lambda match: _year(int(match["years"])) + "er" + (match["named"] or "").replace("-", " "),
    {
        "die 90er Jahre": "die neunziger Jahre",
        "die 1920er-Jahre": "die neunzehnhundertzwanziger Jahre",
    },
)


def _days(match: re.Match[str]) -> str:
    before, month = match.string[: match.start()], match["month"]
    first, last = (_ordinal(int(match[name]), before, month) for name in ("first", "last"))
    return f"{first} bis {last}"


_DAYS: Final = Rule(
    "days of a month",
    rf"(?P<first>\d{{1,2}})\.[ ]?(?:[-–—]"
    rf"|bis)[ ]?(?P<last>\d{{1,2}})\.(?=[ ](?P<month>{'|'.join(_MONTHS)}))",
    _days,
    {"vom 5.–8. Juni": "vom fünften bis achten Juni"},
)
_STREET: Final = Rule(
    "street",
    r"(?P<name>[A-ZÄÖÜ][a-zäöüß-]+s)tr\.",
    lambda match: f"{match['name']}traße",
    {"Hauptstr. 12": "Hauptstraße zwölf"},
    inside=True,
)
_POSTCODE: Final = Rule(
    "postcode",
    r"\d{5}(?=[ ][A-ZÄÖÜ][a-zäöüß]+)",
    lambda match: (
        numerals.digits(match.group(), "de")
        if re.search(r"(?:,[ ]|\bD-|\n)$", match.string[: match.start()])
        else None
    ),
    {"Am Markt 1, 80331 München": "Am Markt eins, acht null drei drei eins München"},
)


def _dative(match: re.Match[str]) -> str | None:
    noun = _TABLE.units.get(match["noun"])
    gender = noun.gender if noun else _gender_of(match["noun"])
    before = match.string[: match.start()]
    if not gender or not re.search(
        r"\b(?:in|nach|seit|vor|mit|von|zu|bei|aus)\s$", before, re.IGNORECASE
    ):
        return None
    return f"{'einer' if gender == 'f' else 'einem'} {noun.one if noun else match['noun']}"


_UNIT: Final = "|".join(map(re.escape, sorted(_TABLE.units, key=len, reverse=True)))
_ONE: Final = Rule(
    "one after a preposition",
    rf"1[ \u00a0](?P<noun>(?:{_UNIT})(?!\w)|[A-ZÄÖÜ][a-zäöüß]+)",
    _dative,
    {"in 1 Std. oder vor 1 Jahr": "in einer Stunde oder vor einem Jahr"},
)

_SOMETIMES_LAST: Final = sometimes_last(_TABLE) | {"min", "sek", "std", *_TABLE.short_months}
_OPENERS: Final = frozenset(
    "der die das den dem ein eine einen es er sie wir ich ihr du man dann danach dort hier da im"
    " in am an auf mit von zu zum bei nach vor für und oder aber auch wenn wie was wer wo warum"
    " wann bitte dies diese dieser dieses heute morgen jetzt als um aus denn doch ja nein nicht"
    " noch nur so sobald falls alle alles kann können ist sind hat haben sein seine ihre unser"
    " mein dein".split()
)

GERMAN: Final = Language(
    code="de",
    rules=shared_rules(
        _TABLE, _EXAMPLES, (_SHORT_DATE, _DAYS, _DECADE, _STREET, _POSTCODE, _ONE, _POSITION)
    ),
    symbols="√∞^+−=×⋅÷±<>≤≥≠≈°€$£¥₹%&§℃℉",
    never_last=never_last(_TABLE)
    | {"co", "ing", "mio", "mrd", "tsd", "bio", "stk", "mo", "di", "mi", "do", "sa"},
    never_last_endings=("str",),
    sometimes_last=_SOMETIMES_LAST,
    ends_before_opener=_SOMETIMES_LAST
    - {"usw", "etc", "p.a", "n.v", "n.chr", "v.chr", "chr", "jh", "o.ä"},
    openers=_OPENERS,
    before_ordinal=_WEAK - {"bis", "ab", "seit", "nach"} | _ARTICLES,
    ordinal_full_stop=True,
    follows_ordinal=frozenset(word.lower() for word in _FOLLOWS) | frozenset(_TABLE.short_months),
)
