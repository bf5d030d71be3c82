"""Words that announce more words, in languages without rules of their own.

Articles, prepositions, conjunctions, possessives, and at the end of a very short utterance also
verbs that cannot stand alone. Words that often end an utterance in another function are left out,
such as German "an" and "das", or French "vous".
"""

from __future__ import annotations

import re

from ..verdict import WaitReason
from .verdict import Completeness

_SHORT_WORDS = 3
"""In so few words a modal verb at the end has no object yet; in longer ones it may stand last."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_ANNOUNCING = {
    "de": _set(
        "der die ein eine einen einem einer eines den dem des mein meine meinen meinem meiner "
        "dein deine deinen deinem deiner sein seine seinen seinem unser unsere unseren kein "
        "keine keinen diesen diesem jeden jedem für von mit bei seit bis wegen während gegen "
        "ohne zwischen durch in im am vom zum zur beim ins ans und oder aber denn dass weil "
        "wenn ob obwohl sondern falls bevor nachdem damit als wie sehr noch"
    ),
    "fr": _set(
        "le la les l un une des du de d au aux à en dans sur sous avec pour par chez vers sans "
        "entre et ou mais donc car que qu qui si quand comme parce mon ma mes ton ta tes son "
        "sa ses notre votre leur leurs ce cette ces je j très plus"
    ),
    "es": _set(
        "el la los las un una unos unas de del al a en con por para sin sobre entre hacia "
        "hasta desde y e o u pero porque que si cuando como mi mis tu tus su sus este esta "
        "estos estas muy"
    ),
    "it": _set(
        "il lo la i gli le un uno una di del dello della dei degli delle a al alla allo ai "
        "alle da dal dalla in nel nella con per su sul sulla tra fra e ed o ma perché che se "
        "quando come mio mia tuo tua suo sua questo questa molto"
    ),
    "nl": _set(
        "de het een van in met voor door bij naar te om en of maar want dat als omdat mijn uw "
        "deze die onze heel"
    ),
    "pt": _set(
        "o a os as um uma de do da dos das em no na nos nas com por pelo pela para sem sobre "
        "entre e ou mas porque que se quando como meu minha seu sua este esta muito"
    ),
}
_VERBS = {
    "de": _set("möchte möchten will würde hätte hätten könnte kann kannst soll muss bin habe"),
    "fr": _set("voudrais veux peux pouvez dois vais suis aimerais"),
    "es": _set("quiero quisiera gustaría puedo puede puedes necesito tengo voy"),
    "it": _set("vorrei voglio posso puoi devo ho sono"),
    "nl": _set("wil wilt zou kan kun kunt moet heb ben"),
    "pt": _set("quero queria gostaria posso pode preciso tenho vou"),
}
_FILLERS = _set("äh ähm öh euh eh ehm este um uh hmm mm")


def judge_by_announcing_words(text: str, language: str) -> Completeness | None:
    """Judge by the last word; None for a language that is not listed."""
    announcing = _ANNOUNCING.get(language)
    if announcing is None:
        return None
    words = re.findall(r"[^\W_]+", text.lower())
    if not words:
        return None
    last = words[-1]
    if last in _FILLERS and len(words) > 1:
        return Completeness(0.05, f"hesitates: {last}", WaitReason.THINKING)
    if last in announcing:
        return Completeness(0.05, f"ends with {last}")
    if last in _VERBS[language] and len(words) <= _SHORT_WORDS and not text.endswith("?"):
        return Completeness(0.15, f"{last} without its object")
    if text.endswith((".", "!", "?")):
        return Completeness(0.8, "nothing is missing")
    return Completeness(0.65, "nothing is missing, but no end is marked")
