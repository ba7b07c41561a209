"""Plausible Indonesian names: streets, lanes, districts and villages. Real names of heroes, flowers and trees."""

from __future__ import annotations

from typing import Final

import numpy as np

MAIN_ROADS: Final = (
    "Jalan Jenderal Sudirman",
    "Jalan Ahmad Yani",
    "Jalan Diponegoro",
    "Jalan Gajah Mada",
    "Jalan Hasanuddin",
    "Jalan Imam Bonjol",
    "Jalan Sisingamangaraja",
    "Jalan M.H. Thamrin",
)
RING_ROADS: Final = ("Jalan Lingkar Luar", "Jalan Soekarno-Hatta")
COLLECTORS: Final = (
    "Jalan R.A. Kartini",
    "Jalan Teuku Umar",
    "Jalan Cut Nyak Dien",
    "Jalan Pattimura",
    "Jalan Hayam Wuruk",
    "Jalan Gatot Subroto",
    "Jalan S. Parman",
    "Jalan Yos Sudarso",
    "Jalan Pemuda",
    "Jalan Merdeka",
    "Jalan Veteran",
    "Jalan Pahlawan",
    "Jalan Dewi Sartika",
    "Jalan Ki Hajar Dewantara",
    "Jalan Wahidin Sudirohusodo",
    "Jalan Panglima Polim",
    "Jalan Antasari",
    "Jalan Sultan Agung",
    "Jalan Trunojoyo",
    "Jalan Untung Suropati",
)
LOCAL_WORDS: Final = (
    "Melati",
    "Mawar",
    "Kenanga",
    "Cempaka",
    "Anggrek",
    "Teratai",
    "Dahlia",
    "Flamboyan",
    "Bougenville",
    "Kamboja",
    "Seroja",
    "Tulip",
    "Cendana",
    "Jati",
    "Mahoni",
    "Meranti",
    "Beringin",
    "Akasia",
    "Cemara",
    "Trembesi",
    "Rambutan",
    "Durian",
    "Manggis",
    "Nangka",
    "Salak",
    "Sawo",
    "Delima",
    "Merpati",
    "Kutilang",
    "Cendrawasih",
    "Garuda",
    "Rajawali",
    "Nuri",
    "Kasuari",
    "Kelapa",
    "Sirsak",
    "Belimbing",
    "Pinus",
    "Damar",
    "Ulin",
)
PEOPLE: Final = (
    "Haji Saleh",
    "Haji Usman",
    "Haji Mansur",
    "Pak Raden",
    "Bu Siti",
    "Haji Dahlan",
    "Masjid",
    "Pasar",
    "Sumur",
    "Surau",
    "Pelita",
    "Damai",
    "Rukun",
    "Sentosa",
    "Bahagia",
    "Makmur",
    "Harapan",
    "Swadaya",
)
DISTRICTS: Final = ("Kota Baru", "Bukit Indah", "Muara Timur", "Tanjung Sari", "Pasir Putih", "Sukamaju")
VILLAGES: Final = (
    "Sukajadi",
    "Tegal Rejo",
    "Karang Anyar",
    "Sidomulyo",
    "Mekar Sari",
    "Rawa Indah",
    "Kampung Melayu",
    "Pulau Payung",
    "Tanjung Harapan",
    "Bandar Agung",
    "Sri Mulya",
    "Sumber Jaya",
    "Air Dingin",
    "Batu Ampar",
    "Lubuk Gaung",
    "Parit Baru",
    "Kebon Kelapa",
    "Pondok Jaya",
)
_ROMAN: Final = ("", " II", " III", " IV", " V", " VI", " VII", " VIII", " IX", " X")


class StreetNames:
    """Hands out each name once, in an order drawn from ``rng``; numbered names when the words run out."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Shuffle the words."""
        self._taken: dict[str, int] = {}
        self._collectors = [str(name) for name in rng.permutation(COLLECTORS)]
        self._locals = [str(name) for name in rng.permutation(LOCAL_WORDS)]
        self._people = [str(name) for name in rng.permutation(LOCAL_WORDS + PEOPLE)]

    def next(self, road_class: str) -> str:
        """Return the next free name for a road of this class: main, ring, collector, local or lane."""
        count = self._taken.get(road_class, 0)
        self._taken[road_class] = count + 1
        words, prefix = {
            "main": (list(MAIN_ROADS), ""),
            "ring": (list(RING_ROADS), ""),
            "collector": (self._collectors, ""),
            "local": (self._locals, "Jalan "),
            "lane": (self._people, "Gang "),
        }[road_class]
        again = count // len(words)
        number = _ROMAN[again] if again < len(_ROMAN) else f" {again + 1}"
        return f"{prefix}{words[count % len(words)]}{number}"
