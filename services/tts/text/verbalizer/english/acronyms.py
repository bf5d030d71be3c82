"""Words in capitals in English: which are spelled, and which are words."""

from __future__ import annotations

import re
from typing import Final

from ..rule import Rule
from .words import after, before, letter, letters

_SPELLED: Final = frozenset(
    "AI ATM API APIS BBC BMI CEO CFO CIA CNN COO CTO CPU CSS CSV CV DIY DJ DNA DNS DVD EU ETA"
    " EST EDT FAQ FBI FDA FYI GDP GPS GPU GMT HR HTML HTTP HTTPS HQ IBM ID IDE IOT IP IPO IQ IRS"
    " ISO ISP IT IVF JPG JS KFC LED LLC LLM LCD MBA MIT ML MLB MRI MVP NBA NBC NFL NGO NHL NHS"
    " NLP NYC OCD OEM OS OSS PC PDF PE PHP PM PR PS PST PT PTA PTSD QA RGB RNA ROI RPG RSVP SEO"
    " SMS SOS SQL SSD SSH SSL SSN STD SUV TBA TBD TCP TED TLS TSA TTS TV TVS UAE UDP UFO UI UK UN"
    " UPS URL USA USB USSR UTC UV UX VAT VC VIP VPN VR WHO WWF WWI WWII XML YMCA YTD ICU ER EV"
    " EVS DIN IBAN IKEA ISBN IMF HIV ADHD ABC ACDC AKA ASL BC BCE CE CD CDS DC ECG EKG ETF FM HD"
    " HDMI IOS IUD JFK LA LGBT LGBTQ MD NB NSA OK OJ PIN POV PPM PVC RAF RBI RFID RV SAS SDK SMTP"
    " SNL SPF TNT TLC UEFA UCLA UCL USC US MIT AT EAT IV PH MSC BSC PHD CA CFC MMR OTC AC DOI"
    " GDPR LGA EWR LAX SFO OPEC BMW VW EPA EIN EOD ERP EU ETC IRA ACT AP APR APY UCI EUR USD GBP"
    " AED".split()
) - frozenset("IKEA PIN SAS TED ETC ACT UEFA OPEC EAT AT IRA".split())
"""Named letter by letter, although they could be pronounced."""
_PRONOUNCED: Final = frozenset(
    "NASA NATO UNESCO UNICEF LASER RADAR SONAR SCUBA RAM ROM SIM PIN GIF JPEG JPG PNG JSON AIDS"
    " COVID ASAP SWAT OPEC FIFA UEFA NASDAQ CAPTCHA YOLO FOMO LAN WAN SARS NAFTA ASCII BASIC"
    " COBOL FORTRAN CRUD REST SOAP YAML TOML BIOS CMOS DOS SATA NAND VRAM DRAM OSHA FEMA HIPAA"
    " MENSA IKEA NIMBY NASCAR ASEAN INTERPOL LEGO SAT ZIP POTUS SCOTUS FLOTUS MOMA CERN ESPN VISA"
    " IRA ERIC LASIK MERS RSI DARPA GAAP SMART SWOT TED PETA TEFL TOEFL WASP ANOVA"
    " GUI LOL NAACP".split()
) - frozenset("ESPN RSI NAACP JPG PNG".split())
_IN_CAPITALS: Final = frozenset(
    "A AN AND ALL ALSO ANY ARE AS ASK AT BAD BE BEST BIG BOTH BUT BUY BY CALL CAN COME DAY DID"
    " DO DOES DON DONE DOWN EACH EASY END EVEN EVER FAR FEW FIND FOR FREE FROM FULL GET GIVE GO"
    " GOOD GREAT HAD HARD HAS HAVE HE HELP HER HERE HI HIGH HIM HIS HOT HOW I IF IN INTO IS ITS"
    " JUST KEEP KEY KNOW LAST LESS LET LIFE LIKE LONG LOOK LOT LOVE LOW MAKE MANY ME MORE MOST"
    " MUCH MUST MY NEED NEVER NEW NEXT NICE NO NOT NOTE NOW OF OFF OH OLD ON ONCE ONE ONLY OPEN"
    " OR OUR OUT OVER OWN PLEASE PUT READ REAL RUN SAFE SAID SALE SAME SAVE SAY SEE SET SHE SHOW"
    " SO SOME SOON STAY STOP SUCH SURE TAKE TELL THAN THAT THE THEM THEN THEY THIS TIME TIP TIPS"
    " TO TODO TOO TOP TRY TURN TWO UP USE VERY WAIT WANT WARM WAS WAY WE WELL WERE WHAT WHEN WHO"
    " WHY WILL WIN WITH WORD WORK YES YET YOU YOUR ADD AGO AIR ANT ART ASH BAG BAR BAT BED BOX"
    " BOY BUS CAR CAT COW CRY CUP CUT DOG DRY EAR EAT EGG EYE FAT FIX FUN GAS GUN HAT HIT HOME"
    " ICE JOB JOY KID LAW LEG LIE LIP LOG MAN MAP MEN MIX MOM MUD NET NUT OIL PAY PEN PET PIE POT"
    " RED SAD SEA SIT SIX SKY SUM SUN TAX TEA TEN TIE TOY VAN WAR WET WON ZOO HEY WOW YEAH BOOM"
    " NOPE OOPS EXIT FAIL FIRE DARK DATA BLUE COLD FAST SLOW STEP PART BACK BOLD WHOLE SELECT"
    " WHERE FALSE TRUE NULL NONE ERROR OKAY".split()
)
_WORDS_TOO: Final = frozenset({"IT", "US", "WHO"})
"""Spelled, except among other words in capitals."""
_NAMED_A = re.compile(
    r"\b(?:plan|vitamin|grade|type|option|point|hepatitis|class|team|group|section|side|answer|an"
    r"|letter|gate|terminal|building|block|level|appendix|exhibit|step|choice|part|blood|influenza"
    r"|player|person|company|city|train|variable|from)\s$|P\($",
    re.IGNORECASE,
)
_VOWELS = re.compile(r"[AEIOUY]")
_CLUSTER = re.compile(
    r"^[BCDFGHJKLMNPQRSTVWXZ]{3,}|[BCDFGHJKLMNPQRSTVWXZ]{4,}|^(?![SCPTKWGD][HLRNWKPTM]"
    r"|BL|BR|FL|FR|SC|SQ|QU)[BCDFGHJKLMNPQRSTVWXZ]{2}|Q(?!U)|[JV]$"
)


def is_pronounced(text: str) -> bool:
    """Whether a word in capitals is one that people pronounce."""
    if text in _PRONOUNCED:
        return True
    return text.isupper() and len(text) > 3 and not _CLUSTER.search(text) and text not in _SPELLED


def _acronym(match: re.Match[str]) -> str | None:
    text, tail = match["text"], match["tail"] or ""
    if text in _PRONOUNCED:
        return None
    if text in _WORDS_TOO and _shouted(match):
        return None
    if text in _SPELLED or not _VOWELS.search(text):
        return _spelled(text, tail)
    if text in _IN_CAPITALS or _shouted(match):
        return None
    if len(text) <= 3 or (len(text) <= 5 and _CLUSTER.search(text)):
        return _spelled(text, tail)
    return None


def _shouted(match: re.Match[str]) -> bool:
    """Whether a word beside it, which is no abbreviation, is in capitals too."""
    words = re.findall(r"[A-Za-z]+", match.string[max(0, match.start() - 40) : match.end() + 40])
    capital = [w for w in words if w.isupper() and len(w) > 1]
    known = [
        w
        for w in capital
        if w != match["text"] and (w in _IN_CAPITALS or (len(w) > 5 and w not in _PRONOUNCED))
    ]
    return bool(known) and len(capital) * 2 >= len(words)


def _spelled(text: str, tail: str) -> str:
    if not tail:
        return letters(text)
    # espeak-ng ends "C.D.s" in the letter S; a word in capitals with a small one it gets right.
    return text + ("'s" if "'" in tail or "’" in tail else tail)


ACRONYMS: Final = (
    Rule(
        "words in capitals",
        r"(?P<text>[A-Z]{2,8})(?P<tail>['’]?s)?",
        _acronym,
        {
            "NASA told the FBI": "NASA told the F.B.I",
            "the FAQ of the API": "the F.A.Q of the A.P.I",
            "STOP now, do NOT go": "STOP now, do NOT go",
            "two CDs": "two CDs",
            "IT IS SO HOT": "IT IS SO HOT",
            "the IT desk": "the I.T desk",
            "an ID card": "an I.D card",
        },
    ),
    Rule(
        "letter A",
        r"A(?![-.'’&+\#])",
        lambda m: letter("A") if _NAMED_A.search(before(m)) or after(m, 1) in tuple("♯♭") else None,
        {"Plan A failed.": "Plan A- failed.", "A cat": "A cat", "an A": "an A-"},
    ),
    Rule(
        "AT&T and the like",
        r"(?P<letters>[A-Z]{1,2})&(?P<last>[A-Z]{1,2})",
        lambda m: f"{letters(m['letters'])} and {letters(m['last'])}",
        {"AT&T": "A.T and T", "Q&A": "Q and A-"},
    ),
    Rule(
        "ampersand",
        r"&{1,2}",
        "and",
        {"Tom & Jerry": "Tom and Jerry"},
        inside=True,
    ),
    Rule(
        "letter and sign",
        r"(?P<letter>[A-Z])(?P<sign>\+\+|\#(?=m|maj|sus|dim|\b|\W|\d|$)|\+)(?![A-Za-ln-z])",
        lambda m: f"{m['letter']} " + {"++": "plus plus", "#": "sharp", "+": "plus"}[m["sign"]],
        {"C++ and C#": "C plus plus and C sharp", "an A+": "an A plus"},
        inside=True,
    ),
)
