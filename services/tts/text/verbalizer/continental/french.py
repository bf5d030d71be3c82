"""French."""

from __future__ import annotations

import re
from typing import Final

from .. import numerals
from ..rule import Language, Rule
from .rules import Examples, never_last, shared_rules, sometimes_last
from .table import Table, currencies, nouns, pairs

_MONTHS: Final = (
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
)


def _gendered(words: str, gender: str) -> str:
    return f"{words}e" if gender == "f" and re.search(r"\bun$", words) else words


def _date(day: int, month: str, year: int | None, before: str) -> str:
    spoken = "premier" if day == 1 else numerals.cardinal(day, "fr")
    return f"{spoken} {month}" + (f" {numerals.cardinal(year, 'fr')}" if year else "")


def _clock(hour: int, minute: int, before: str) -> str:
    words = _gendered(numerals.cardinal(hour, "fr"), "f")
    words += " heure" if hour < 2 else " heures"
    return f"{words} {_gendered(numerals.cardinal(minute, 'fr'), 'f')}" if minute else words


def _ordinal(value: int, ending: str) -> str:
    feminine = ending in ("re", "ère", "nde", "res", "ères")
    if value == 1:
        return "première" if feminine else "premier"
    if ending in ("nd", "nde"):
        return "seconde" if feminine else "second"
    return numerals.ordinal(value, "fr")


def _position(match: re.Match[str]) -> str | None:
    text = match["number"]
    value = int(text) if text.isdecimal() else numerals.roman(text)
    return _ordinal(value, match["ending"]) if value else None


def _of(name: str) -> str:
    return f"d'{name}" if name[0] in "aeiouyéAEIOUY" else f"de {name}"


def _gender_of(word: str) -> str:
    feminine = (
        r"(?:tion|sion|ité|ée|ie|ette|ence|ance|ure|onne|elle|esse|eure|ine|ue|fois|page|minute"
        r"|seconde|ville|place|table|chose|semaine|heure|tasse|cuillère|année|journée|livre|cuillerée|boîte|tranche|part"
        r"|pomme|dose|goutte|tablette|bouteille|personne|femme|fille)s?$"
    )
    return "f" if re.search(feminine, word) else ""


_TABLE: Final = Table(
    code="fr",
    point="virgule",
    dot="point",
    minus="moins",
    to="à",
    score="à",
    months=tuple(_MONTHS),
    date=_date,
    clock=_clock,
    clock_forms=r"(?P<hour>\d{1,2})[ \u00a0]?[hH][ \u00a0]?(?P<minute>[0-5]\d)?(?:[ ]?min)?"
    r"|(?P<hour_only>[01]?\d|2[0-4]):(?P<minute_only>[0-5]\d)(?!:?\d)",
    ruler=lambda value: numerals.cardinal(value, "fr") if value > 1 else "premier",
    of_currency=_of,
    cents="",
    signs=pairs("""
        = | égale
        + | plus
        × | fois
        ⋅ | fois
        ÷ | divisé par
        ± | plus ou moins
        < | inférieur à
        > | supérieur à
        ≤ | inférieur ou égal à
        ≥ | supérieur ou égal à
        ≠ | différent de
        ≈ | environ
        √ | racine carrée de
        π | pi
        ∞ | l'infini
        & | et
        % | pour cent
        § | paragraphe
        € | euros
        $ | dollars
        £ | livres
    """),
    fractions=pairs("""
        ½ | un demi
        ¼ | un quart
        ¾ | trois quarts
        ⅓ | un tiers
        ⅔ | deux tiers
        1/2 | un demi
        1/3 | un tiers
        2/3 | deux tiers
        1/4 | un quart
        3/4 | trois quarts
    """),
    and_fraction="et",
    currencies=currencies("""
        € EUR euro euros | euro | euros | m
        c | centime | centimes | m
        $ USD US$ dollar dollars | dollar | dollars | m
        c | cent | cents | m
        £ GBP | livre | livres | f
        p | penny | pence | m
        CHF | franc suisse | francs suisses | m
        c | centime | centimes | m
        ¥ JPY | yen | yens | m
        c | sen | sens | m
        ₹ INR | roupie | roupies | f
        c | paisa | paise | m
    """),
    units=nouns("""
        km | kilomètre | kilomètres | m
        m | mètre | mètres | m
        cm | centimètre | centimètres | m
        mm | millimètre | millimètres | m
        nm | nanomètre | nanomètres | m
        km² | kilomètre carré | kilomètres carrés | m
        m² | mètre carré | mètres carrés | m
        cm² | centimètre carré | centimètres carrés | m
        m³ | mètre cube | mètres cubes | m
        ha | hectare | hectares | m
        km/h | kilomètre par heure | kilomètres par heure | m
        m/s | mètre par seconde | mètres par seconde | m
        kg | kilogramme | kilogrammes | m
        g | gramme | grammes | m
        mg | milligramme | milligrammes | m
        µg μg | microgramme | microgrammes | m
        t | tonne | tonnes | f
        l L | litre | litres | m
        ml mL | millilitre | millilitres | m
        cl cL | centilitre | centilitres | m
        h | heure | heures | f
        min mn | minute | minutes | f
        s sec | seconde | secondes | f
        ms | milliseconde | millisecondes | f
        °C ℃ | degré Celsius | degrés Celsius | m
        °F ℉ | degré Fahrenheit | degrés Fahrenheit | m
        x | fois | fois | f
        ° | degré | degrés | m
        % | pour cent | pour cent | m
        ‰ | pour mille | pour mille | m
        hPa | hectopascal | hectopascals | m
        mmHg | millimètre de mercure | millimètres de mercure | m
        mAh | milliampère-heure | milliampères-heures | m
        kWh | kilowattheure | kilowattheures | m
        kW | kilowatt | kilowatts | m
        MW | mégawatt | mégawatts | m
        W | watt | watts | m
        V | volt | volts | m
        A | ampère | ampères | m
        Hz | hertz | hertz | m
        kHz | kilohertz | kilohertz | m
        MHz | mégahertz | mégahertz | m
        GHz | gigahertz | gigahertz | m
        Ko ko KB | kilooctet | kilooctets | m
        Mo MB | mégaoctet | mégaoctets | m
        Go GB | gigaoctet | gigaoctets | m
        To TB | téraoctet | téraoctets | m
        Mbit/s | mégabit par seconde | mégabits par seconde | m
        Gbit/s | gigabit par seconde | gigabits par seconde | m
        kcal | kilocalorie | kilocalories | f
        kJ | kilojoule | kilojoules | m
        dB | décibel | décibels | m
    """),
    per="par",
    scales=nouns("""
        k | mille | mille | n
        M | million | millions | m
        Md Mds | milliard | milliards | m
        million millions | million | millions | m
        milliard milliards | milliard | milliards | m
    """),
    abbreviations=pairs("""
        p. ex. | par exemple
        par ex. | par exemple
        c.-à-d. | c'est-à-dire
        av. J.-C. | avant Jésus-Christ
        apr. J.-C. | après Jésus-Christ
        etc. | et cetera
        env. | environ
        M. | monsieur
        MM. | messieurs
        Mme | madame
        Mmes | mesdames
        Mlle | mademoiselle
        Dr | docteur
        Me | maître
        Mgr | monseigneur
        cf. | confer
        p. | page
        Pr | professeur
        bd | boulevard
        th. | thermostat
        St | saint
        Ste | sainte
        n° | numéro
        N° | numéro
        nº | numéro
        tél. | téléphone
        max. | maximum
        min. | minimum
        vol. | volume
        chap. | chapitre
        art. | article
        éd. | édition
        s.v.p. | s'il vous plaît
    """),
    closing=frozenset({"etc.", "av. J.-C.", "apr. J.-C.", "s.v.p."}),
    before_number=frozenset(
        {"art.", "vol.", "chap.", "max.", "min.", "éd.", "th.", "p.", "n°", "N°", "nº", "tél."}
    ),
    before_name=frozenset({"M.", "MM.", "St", "Ste", "Dr", "Pr", "bd", "Me", "Mgr"}),
    after_whole={"½": "demi", "1/2": "demi"},
    powers=("au carré", "au cube", "puissance"),
    weekdays={
        "lun": "lundi",
        "mar": "mardi",
        "mer": "mercredi",
        "jeu": "jeudi",
        "ven": "vendredi",
        "sam": "samedi",
        "dim": "dimanche",
    },
    short_months={
        "janv": "janvier",
        "févr": "février",
        "avr": "avril",
        "juil": "juillet",
        "sept": "septembre",
        "oct": "octobre",
        "nov": "novembre",
        "déc": "décembre",
    },
    halves={"m": "un demi", "f": "une demi", "n": "un demi"},
    of_part="de",
    halves_after={"m": "et demi", "f": "et demie", "n": "et demi"},
    gendered=_gendered,
    gender_of=_gender_of,
    small_fractions_are_one=True,
)

_EXAMPLES: Final[Examples] = {
    "abbreviation": {
        "M. Dupont aime le pain, le vin, etc.": "monsieur Dupont aime le pain, le vin, et cetera.",
        "p. ex. le n° 5": "par exemple le numéro cinq",
        "Me voilà, après le vol.": "Me voilà, après le vol.",
    },
    "date": {
        "le 31/12/24.": "le trente et un décembre deux mille vingt quatre.",
        "le 14/03/2025": "le quatorze mars deux mille vingt cinq",
        "2025-03-01": "premier mars deux mille vingt cinq",
    },
    "time of day": {
        "à 14h30 ou 9 h": "à quatorze heures trente ou neuf heures",
        "vers 1 h": "vers une heure",
        "à 21:05": "à vingt et une heures cinq",
    },
    "telephone number": {
        "le 01 23 45": "le zéro un, deux trois, quatre cinq",
    },
    "money": {
        "Ça coûte 5,99 €.": "Ça coûte cinq euros quatre vingt dix neuf.",
        "1 000 000 €": "un million d'euros",
        "3,5 Md€": "trois virgule cinq milliards d'euros",
        "$1": "un dollar",
        "12,99 €/mois": "douze euros quatre vingt dix neuf par mois",
        "0,50 €": "cinquante centimes",
        "21 £": "vingt et une livres",
    },
    "quantity": {
        "10 km à 60 km/h": "dix kilomètres à soixante kilomètres par heure",
        "1,5 kg et 2,25 l": "un virgule cinq kilogramme et deux virgule vingt cinq litres",
        "−5 °C": "moins cinq degrés Celsius",
        "10–15 %": "dix à quinze pour cent",
    },
    "large number": {"67 M d'habitants": "soixante sept millions d'habitants"},
    "ruler": {"Louis XIV est roi.": "Louis quatorze est roi."},
    "pair": {"ouvert 24/7": "ouvert vingt quatre sept"},
    "version": {"la version 1.2.3": "la version un point deux point trois"},
    "range": {"pages 10-12": "pages dix à douze"},
    "score": {"3:2 à la fin": "trois à deux à la fin"},
    "fraction": {"½": "un demi"},
    "number": {
        "1 234 567 habitants": "un million deux cent trente quatre mille cinq cent soixante sept"
        " habitants",
        "3,14": "trois virgule quatorze",
        "21 personnes": "vingt et une personnes",
        "en 1999": "en mille neuf cent quatre vingt dix neuf",
    },
    "times, range": {"de 9:00-17:00": "de neuf heures à dix sept heures"},
    "number with a label": {"Le code est 4829.": "Le code est quatre huit deux neuf."},
    "weekdays": {
        "lun.-ven. 9h": "lundi à vendredi neuf heures",
        "un jeu. Il joue": "un jeu. Il joue",
    },
    "part of a thing": {
        "½ litre": "un demi litre",
        "2½ heures": "deux heures et demie",
        "1/4 l": "un quart de litre",
    },
    "number with a letter": {"au 12b": "au douze B"},
    "power": {"x² + 2^5": "x au carré plus deux puissance cinq"},
    "divided by": {"10 : 2 = 5": "dix divisé par deux égale cinq"},
    "short month": {"le 1er janv. 2024": "le premier janvier deux mille vingt quatre"},
    "number before a power": {"2³": "deux au cube"},
    "times": {"3 · 4": "trois fois quatre"},
    "sign": {
        "5 - 3 = 2": "cinq moins trois égale deux",
        "de 8h-18h": "de huit heures à dix huit heures",
    },
}

_POSITION: Final = Rule(
    "position",
    r"(?P<number>\d{1,3}|[IVX]{1,5})(?P<ending>ère|re|er|ème|e|nde|nd|ers|ères|res)s?",
    _position,
    {
        "le 1er mai": "le premier mai",
        "la 1re fois et la 2e": "la première fois et la deuxième",
        "au XIXe siècle": "au dix neuvième siècle",
    },
)


def _spoons(match: re.Match[str]) -> str:
    kind = {"c.": "café", "s.": "soupe"}.get(match["kind"], match["kind"])
    count = match["count"]
    if not count:
        return f"cuillère à {kind}"
    if not count.isdecimal():
        return f"une demi cuillère à {kind}"
    words = _gendered(numerals.cardinal(int(count), "fr"), "f")
    return f"{words} cuillère{'' if count == '1' else 's'} à {kind}"


_OWN: Final = (
    _POSITION,
    Rule(
        "spoon",
        r"(?:(?P<count>\d{1,3}|1/2|½)[ \u00a0])?c\.?[ ]?à[ ]?(?P<kind>café|soupe|thé|c\.|s\.)",
        _spoons,
        {
            "1 c. à café et 2 c. à s. d'huile": "une cuillère à café et deux cuillères à soupe"
            " d'huile",
            "1/2 c. à thé": "une demi cuillère à thé",
        },
        inside=True,
    ),
    Rule(
        "avenue",
        r"[Aa]v\.(?=[ ](?:de|du|des|d'|[A-Z]))(?![ ]J)",
        lambda match: "avenue" if match.group()[0] == "a" else "Avenue",
        {"5, av. de la Paix": "cinq, avenue de la Paix"},
        inside=True,
    ),
)

FRENCH: Final = Language(
    code="fr",
    rules=shared_rules(_TABLE, _EXAMPLES, _OWN),
    symbols="√∞^+−=×⋅÷±<>≤≥≠≈°€$£¥₹%&§℃℉",
    never_last=never_last(_TABLE) | {"av", "bd"},
    sometimes_last=sometimes_last(_TABLE) | frozenset({*_TABLE.weekdays, *_TABLE.short_months}),
)
