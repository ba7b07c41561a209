"""Words that registers use everywhere, so that no mapping has to name them: empty values, lamp technologies, phases."""

from __future__ import annotations

import re
from typing import Final

EMPTY: Final = frozenset(
    "- -- --- – — _ . .. n/a na n.a. n.a #n/a #na null (null) <null> none nil nan <na> nd n/d s/d b/d undefined unknown "
    "kosong brak ไม่มี なし 없음 无".split()
) | {"tidak ada", "tdk ada", "tidak diketahui", "sin dato", "sem informação", "brak danych", "нет данных"}
"""Values, in lower case, that mean "unknown"."""

_WORDS: Final = {
    "LED": "led leds ledretro ledretrofit ledlamp lampled solidstate light emitting diode lightemittingdiode светодиод "
    "светодиодный светодиодная 발광다이오드 엘이디 发光二极管 แอลอีดี",
    "HPS": "hps hpsv hpsl shp son sont sone sonh sonplus nav navt navtsuper highpressuresodium highpressuresodiumvapor "
    "highpressuresodiumvapour sodiumhighpressure sodium sodiumvapor sodiumvapour natrium natriumdampf "
    "natriumdampfhochdruck sap vsap vs vsap sodioaltapresion sodioaltapresión vapordesodio vapordesodioaltapresion "
    "vapordesodioaltapresión vapordesódio sódio sodio sodiohp sodowa sodowe sodiumhp днат натриевая 나트륨 나트륨등 고압나트륨 "
    "高圧ナトリウム 高圧ナトリウム灯 ナトリウム灯 高压钠灯 高壓鈉燈 โซเดียม โซเดียมความดันสูง",
    "MH": "mh hqi cdm cdmt cpo hpi hm mhl cmh hci metalhalide metalhalida metalhalideceramic ceramicmetalhalide "
    "halogenurometalico halogenurometálico halogenurosmetalicos halogenurosmetálicos vapormetalico vapormetálico "
    "metalohalogenkowa дри 메탈할라이드 메탈 メタルハライド メタルハライドランプ 金属卤化物灯 金卤灯 เมทัลฮาไลด์",
    "MV": "mv mbf hpl hplн hpln hql hpm hpmv mercury mercuryvapor mercuryvapour merkuri mercurio mercúrio vapordemercurio "
    "vapordemercúrio quecksilber quecksilberdampf rtęciowa дрл ртутная 수은 수은등 水銀灯 汞灯 ปรอท",
    "CFL": "cfl pl pll plt plc sl lhe compactfluorescent compactfluorescentlamp fluorescent fluorescentcompact tl tl5 tld "
    "neon fluorescente fluorescentecompacta kompaktleuchtstoff świetlówka кЛЛ люминесцентная 형광등 蛍光灯 荧光灯 ฟลูออเรสเซนต์",
    "IND": "ind induction inductionlamp induksi lvd inducción induccion indução qi indukcyjna индукционная 무전극 無電極 无极灯",
    "other": "other others lainnya otro otros outro outros andere inny inne lps lowpressuresodium sox soxe incandescent incandescente "
    "halogen halógena halogena pijar lampupijar",
}  # fmt: skip
PHASE_WORDS: Final = {"l1": "R", "l2": "S", "l3": "T"}
_LETTERS: Final = re.compile(r"[\W_]+")
_PARTS: Final = re.compile(r"[\s,;()/+-]+")
_FILLER: Final = re.compile(
    r"^(?:lamp|lampu|lampara|lámpara|lâmpada|oprawa|лампа)|(?:lamp|lampu|lampe|lampen|lights?|灯|등)$"
)


def is_empty(text: str) -> bool:
    """Whether a value says that nobody knows."""
    return not text or (len(text) <= 20 and " ".join(text.split()).casefold() in EMPTY)


def technology_of(text: str) -> str:
    """The contract's word for a technology; "" where the register's is not among those that everybody uses.

    The whole text counts first, then those of its words that name a technology, if they agree.
    """
    whole = _known(text)
    if whole:
        return whole
    parts = {found for part in _PARTS.split(text) if (found := _known(part))}
    return parts.pop() if len(parts) == 1 and not _LOW.search(text) else ""


def _known(text: str) -> str:
    key = _LETTERS.sub("", text.casefold())
    return TECHNOLOGY_WORDS.get(key) or TECHNOLOGY_WORDS.get(_FILLER.sub("", key), "")


TECHNOLOGY_WORDS: Final = {
    _LETTERS.sub("", word.casefold()): name for name, words in _WORDS.items() for word in words.split()
}
_LOW: Final = re.compile(r"low|baja|baixa|niskopr|rendah|ниско", re.IGNORECASE)  # low-pressure sodium is another lamp
