"""Short phrases by which listeners say "go on" or "stop", by language (ISO 639-1).

Written from general knowledge of the languages, with the spellings that Whisper uses. All in lower
case, without punctuation. Languages without a list of their own get the sounds of `_EVERYWHERE`,
and English, which callers mix in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of one language, each as its words."""

    assent: frozenset[tuple[str, ...]]
    """Said by a listener who wants to hear more."""
    answers: frozenset[tuple[str, ...]]
    """Of these, what answers a question as well."""
    stops: frozenset[tuple[str, ...]]
    """Said by somebody who wants the other to stop."""

    def also(self, assent: Iterable[str]) -> Phrases:
        """These with further phrases of assent, as an operator gives them."""
        more = frozenset(words for phrase in assent if (words := tuple(phrase.lower().split())))
        return Phrases(self.assent | more, self.answers, self.stops - more)


_EVERYWHERE = (
    "mm|mmm|mhm|mm hmm|mm hm|mmhmm|mhmm|hm|hmm|hmhm|m hm|mm mm|uh huh|uhhuh|ah|aha|ah ha|oh"
)
"""Sounds rather than words."""

_ANSWERS = {
    "en": "yes|yeah|yep|yup|ya|yeh|okay|ok|k|sure|right|alright|all right|of course|fine|please"
    "|absolutely|definitely|exactly|correct|true|good|great|mm hmm|mhm|uh huh",
    "de": "ja|jo|jep|jawohl|okay|ok|klar|genau|stimmt|richtig|gut|sicher|gerne|na klar|alles klar"
    "|in ordnung|ja klar|ja genau",
    "fr": "oui|ouais|ok|okay|d'accord|bien|bien sûr|exactement|tout à fait|c'est ça|voilà|parfait",
    "es": "sí|si|vale|ok|okay|claro|bueno|bien|de acuerdo|exacto|correcto|perfecto|ajá"
    "|por supuesto",
    "it": "sì|si|ok|okay|va bene|certo|esatto|giusto|bene|d'accordo|perfetto|già",
    "nl": "ja|jawel|oké|oke|ok|okay|goed|prima|klopt|precies|inderdaad|natuurlijk|zeker",
    "pt": "sim|é|ok|okay|tá|tá bom|está bem|certo|claro|isso|exato|exatamente|pois|pois é|beleza",
    "pl": "tak|no tak|dobrze|dobra|ok|okej|jasne|pewnie|racja|dokładnie|zgadza się",
    "ru": "да|ага|угу|хорошо|ладно|окей|ок|конечно|точно|верно|так|понятно",
    "uk": "так|ага|угу|добре|гаразд|окей|звичайно|точно|зрозуміло",
    "cs": "jo|ano|dobře|okej|ok|jasně|přesně|no jo",
    "sv": "ja|japp|jo|okej|ok|visst|precis|just det|bra|absolut",
    "da": "ja|jo|okay|ok|fint|præcis|klart|godt|selvfølgelig",
    "no": "ja|jo|jepp|ok|okei|greit|nettopp|akkurat|bra|selvfølgelig",
    "fi": "joo|juu|kyllä|okei|ok|selvä|niin|aivan|hyvä|totta",
    "tr": "evet|tamam|olur|peki|tabii|doğru|aynen",
    "el": "ναι|εντάξει|οκέι|σωστά|βέβαια|ακριβώς|καλά",
    "hu": "igen|ja|oké|ok|jó|rendben|persze|pontosan",
    "ro": "da|bine|ok|okay|sigur|exact|corect|desigur",
    "ja": "はい|うん|ええ|そう|そうです|そうですね|そうだね|なるほど|了解|わかりました|オッケー",
    "zh": "嗯|嗯嗯|对|对对|好|好的|是|是的|行|没错|当然|可以",
    "ko": "네|예|응|그래|그렇죠|맞아요|좋아요|알겠어요|알겠습니다|오케이",
    "ar": "نعم|أيوه|ايوه|طيب|تمام|حسنا|صحيح|أكيد",
    "hi": "हाँ|हां|जी|जी हाँ|ठीक है|अच्छा|सही|बिल्कुल",
}

_CONTINUERS = {
    "en": "i see|got it|gotcha|i got it|i know|i understand|understood|makes sense|that makes sense"
    "|go on|go ahead|keep going|carry on|wow|oh wow|cool|nice|perfect|really|interesting|huh|ooh"
    "|oh okay|oh yeah|oh really|oh i see|oh right|oh good|i hear you|fair enough|no problem"
    "|very good|very nice|well well|wonderful|amazing|awesome|excellent|oh my|oh my god|gosh",
    "de": "verstehe|ich verstehe|ach so|achso|aha|echt|wirklich|super|toll|schön|interessant|soso"
    "|weiter|mach weiter|red weiter|ich weiß|oh ja|ach ja|aha okay|na gut",
    "fr": "je vois|je comprends|ah bon|ah oui|vraiment|super|continue|continuez|intéressant|compris"
    "|hein|euh",
    "es": "ya|ya veo|entiendo|ah sí|de verdad|en serio|sigue|siga|continúa|qué bien|interesante",
    "it": "capisco|ho capito|ah sì|davvero|continua|interessante|bello|ah ok|capito",
    "nl": "ik snap het|snap ik|begrijp ik|ik begrijp het|echt|oh ja|leuk|mooi|ga door|interessant",
    "pt": "entendi|entendo|percebo|ah sim|sério|continua|continue|legal|que bom|sei",
    "pl": "rozumiem|aha|serio|naprawdę|super|mów dalej|fajnie",
    "ru": "понимаю|понял|поняла|ясно|правда|серьёзно|продолжай|продолжайте|интересно|здорово",
    "uk": "розумію|ясно|справді|продовжуй|цікаво",
    "cs": "aha|rozumím|chápu|vážně|fakt|pokračuj|super",
    "sv": "jaha|aha|jag förstår|verkligen|fortsätt|intressant|mm",
    "da": "nå|jeg forstår|virkelig|fortsæt|spændende",
    "no": "jaha|jeg skjønner|skjønner|virkelig|fortsett|interessant",
    "fi": "ymmärrän|ai|ahaa|vai niin|todella|jatka|hienoa",
    "tr": "anladım|anlıyorum|hı hı|gerçekten|devam et|güzel",
    "el": "κατάλαβα|καταλαβαίνω|αλήθεια|συνέχισε|ωραία",
    "hu": "értem|aha|tényleg|folytasd|szuper",
    "ro": "înțeleg|am înțeles|serios|continuă|frumos",
    "ja": "へえ|ふーん|ほう|あー|ああ|そっか|そうなんだ|そうなんですか|本当|すごい|続けて",
    "zh": "哦|噢|啊|明白|明白了|知道了|懂了|原来如此|真的|继续|好吧",
    "ko": "아|어|음|그렇구나|그렇군요|정말|진짜|계속해|알았어",
    "ar": "فهمت|مفهوم|حقا|استمر|والله",
    "hi": "समझ गया|समझ गई|सच में|आगे|वाह",
}

_STOPS = {
    "en": "stop|stop it|wait|wait a minute|wait a second|hold on|hang on|no|nope|nah|shut up|enough"
    "|that's enough|be quiet|quiet|cancel|pause|sorry|excuse me|hey|but|actually|never mind"
    "|one moment|just a moment|hush|silence|halt|skip|next",
    "de": "stopp|stop|halt|warte|warten|warte mal|moment|moment mal|nein|nee|ne|genug|ruhe"
    "|sei still"
    "|aufhören|hör auf|aber|abbrechen|schluss|entschuldigung|pause|weiß ich schon",
    "fr": "stop|arrête|arrêtez|attends|attendez|non|assez|ça suffit|silence|pardon|mais|tais-toi"
    "|un moment|une seconde|annule|pause",
    "es": "para|pare|alto|espera|espere|no|basta|silencio|perdón|pero|cállate|un momento|cancela"
    "|detente|stop",
    "it": "ferma|fermo|fermati|stop|aspetta|aspetti|no|basta|silenzio|scusa|scusi|ma|zitto"
    "|un momento|annulla",
    "nl": "stop|wacht|wacht even|nee|genoeg|stil|sorry|maar|hou op|ho|annuleer|momentje",
    "pt": "para|pare|espera|espere|não|chega|silêncio|desculpa|mas|cala a boca|um momento|cancela",
    "pl": "stop|stój|czekaj|poczekaj|nie|dość|cisza|przepraszam|ale|przestań|chwila|moment",
    "ru": "стоп|стой|подожди|подождите|нет|хватит|тихо|извини|извините|но|замолчи|погоди|минутку",
    "uk": "стоп|стій|зачекай|почекай|ні|досить|тихо|вибач|вибачте|але|замовкни|хвилинку",
    "cs": "stop|stůj|počkej|počkejte|ne|dost|ticho|promiň|ale|přestaň|moment",
    "sv": "stopp|stop|vänta|nej|räcker|tyst|ursäkta|men|sluta|ett ögonblick",
    "da": "stop|vent|nej|nok|stille|undskyld|men|hold op|et øjeblik",
    "no": "stopp|stop|vent|nei|nok|stille|unnskyld|men|slutt|et øyeblikk",
    "fi": "stop|seis|odota|ei|riittää|hiljaa|anteeksi|mutta|lopeta|hetki",
    "tr": "dur|bekle|hayır|yeter|sus|pardon|ama|kes|bir dakika",
    "el": "στοπ|σταμάτα|περίμενε|όχι|φτάνει|σιωπή|συγγνώμη|αλλά|μια στιγμή",
    "hu": "állj|stop|várj|nem|elég|csend|bocsánat|de|hagyd abba|egy pillanat",
    "ro": "stop|oprește|așteaptă|nu|ajunge|liniște|scuze|dar|taci|un moment",
    "ja": "止めて|やめて|待って|ちょっと待って|ストップ|いいえ|いや|違う|違います|静かに|すみません"
    "|もういい",
    "zh": "停|停下|停止|等等|等一下|不|不是|不对|别说了|够了|安静|闭嘴|对不起|不要",
    "ko": "그만|멈춰|잠깐|잠깐만|잠시만요|아니|아니요|아니에요|됐어|조용히|스톱|죄송합니다",
    "ar": "توقف|انتظر|لا|كفى|اسكت|لحظة|عفوا|لكن|قف",
    "hi": "रुको|रुकिए|नहीं|बस|चुप|माफ़ कीजिए|लेकिन|एक मिनट",
}

LANGUAGES = frozenset(_ANSWERS)
"""Languages with lists of their own."""


@cache
def phrases_for(language: str) -> Phrases:
    """Return the phrases of a language by its ISO 639-1 code."""
    code = language if language in LANGUAGES else "en"
    answers = _split(_ANSWERS[code])
    stops = _split(_STOPS[code])
    assent = _split(_EVERYWHERE) | answers | _split(_CONTINUERS[code])
    if code != language:
        # The word of one language for "go on" may be that of another for "stop".
        stops |= frozenset({("stop",)})
    return Phrases(assent - stops, answers, stops)


def _split(phrases: str) -> frozenset[tuple[str, ...]]:
    return frozenset(tuple(phrase.split()) for phrase in phrases.split("|"))
