"""The fault catalogue: every code with its level, severity, words in both languages, and what a crew should bring.

Codes are TALQ 2.7.1's event names where TALQ has one; the others are Terang's. One row per code: a new fault is one
detector file, one row in the detectors' list, and one row here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Level = Literal["lamp", "circuit", "cabinet", "controller"]
Severity = Literal["critical", "major", "minor", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """One row of the catalogue. ``advice_*``: what to check and what to bring."""

    code: str
    level: Level
    severity: Severity
    title_en: str
    title_id: str
    advice_en: str
    advice_id: str


CATALOGUE: Final[tuple[Code, ...]] = (
    Code(
        "lampFailure", "lamp", "major", "Lamp dark", "Lampu mati",
        "Bring a replacement lamp or driver of the same rating, a pole fuse and a ladder; check the pole fuse first.",
        "Bawa lampu atau driver pengganti berdaya sama, sekring tiang, dan tangga; periksa sekring tiang dulu.",
    ),
    Code(
        "lampUnexpectedOn", "lamp", "minor", "Lamp on by day", "Lampu menyala siang hari",
        "Check the lamp's relay or photocell; bring a relay.",
        "Periksa relai atau fotosel lampu; bawa relai.",
    ),
    Code(
        "relayFailure", "lamp", "minor", "Relay does not open", "Relai tidak membuka",
        "The relay's contacts are welded: bring a lamp controller or relay.",
        "Kontak relai melekat: bawa pengendali lampu atau relai.",
    ),
    Code(
        "cyclingFailure", "lamp", "major", "Lamp goes on and off", "Lampu hidup-mati berulang",
        "A discharge lamp at the end of its life, or a loose contact: bring a lamp and check the terminals.",
        "Lampu pelepasan gas di akhir umur, atau kontak longgar: bawa lampu dan periksa terminal.",
    ),
    Code(
        "dimmingFailure", "lamp", "minor", "Lamp does not dim as commanded", "Peredupan tidak bekerja",
        "Check the dimming wires (0-10 V, DALI) between controller and driver; bring a driver.",
        "Periksa kabel peredup (0-10 V, DALI) antara pengendali dan driver; bawa driver.",
    ),
    Code(
        "lampPowerTooLow", "lamp", "minor", "Lamp draws too little power", "Daya lampu terlalu rendah",
        "Part of the LED modules or the capacitor may have failed; compare the rating in the register with the lamp.",
        "Sebagian modul LED atau kapasitor mungkin rusak; bandingkan daya di register dengan lampu terpasang.",
    ),
    Code(
        "lampPowerTooHigh", "lamp", "minor", "Lamp draws too much power", "Daya lampu terlalu tinggi",
        "Compare the rating in the register with the lamp; check ballast and driver for overheating.",
        "Bandingkan daya di register dengan lampu terpasang; periksa balas dan driver terhadap panas berlebih.",
    ),
    Code(
        "powerFactorTooLow", "lamp", "warning", "Power factor too low", "Faktor daya terlalu rendah",
        "The compensation capacitor has most likely failed: bring one of the ballast's rating.",
        "Kapasitor kompensasi kemungkinan rusak: bawa kapasitor sesuai balas.",
    ),
    Code(
        "supplyVoltageTooLow", "circuit", "major", "Supply voltage too low", "Tegangan suplai terlalu rendah",
        "Measure at the cabinet and at the last pole; a loose neutral or an overloaded feeder; report to the utility.",
        "Ukur di panel dan di tiang terakhir; netral longgar atau penyulang terbebani; laporkan ke PLN.",
    ),
    Code(
        "supplyVoltageTooHigh", "circuit", "major", "Supply voltage too high", "Tegangan suplai terlalu tinggi",
        "Measure at the cabinet; a broken neutral or the transformer's tap; report to the utility.",
        "Ukur di panel; netral putus atau tap trafo; laporkan ke PLN.",
    ),
    Code(
        "highTemperature", "lamp", "minor", "Luminaire too hot", "Armatur terlalu panas",
        "Clean the heat sink and check its ventilation; bring a driver.",
        "Bersihkan pendingin dan periksa ventilasinya; bawa driver.",
    ),
    Code(
        "controlGearFailure", "lamp", "major", "Control gear reports a fault", "Driver melaporkan kerusakan",
        "Bring a driver of the same rating.",
        "Bawa driver dengan daya yang sama.",
    ),
    Code(
        "communicationFailure", "lamp", "minor", "Lamp's meter does not answer", "Meter lampu tidak menjawab",
        "Look whether the lamp is lit: if it is, check the meter and its data wire; if dark, the pole fuse.",
        "Lihat apakah lampu menyala: jika ya, periksa meter dan kabel datanya; jika mati, periksa sekring tiang.",
    ),
    Code(
        "meterFailure", "lamp", "warning", "Meter shows impossible values", "Meter menunjukkan nilai mustahil",
        "The meter is frozen or broken: bring a meter of the same type and set its address.",
        "Meter macet atau rusak: bawa meter sejenis dan atur alamatnya.",
    ),
    Code(
        "circuitFailure", "circuit", "critical", "Circuit without power", "Sirkuit padam",
        "Check the circuit's breaker in the cabinet; measure the insulation before switching it on again.",
        "Periksa pemutus sirkuit di panel; ukur isolasi sebelum dinyalakan kembali.",
    ),
    Code(
        "cableFailure", "circuit", "critical", "Cable broken between two poles", "Kabel putus di antara dua tiang",
        "Bring cable, joints and digging tools to the named span; look for fresh digging or a stolen cable.",
        "Bawa kabel, sambungan, dan alat gali ke bentang yang disebut; cari bekas galian atau pencurian kabel.",
    ),
    Code(
        "circuitPowerTooLow", "circuit", "major", "Lamps dark on a metered circuit", "Ada lampu mati di sirkuit",
        "Drive along the circuit at night and look for the dark lamps; bring lamps of its ratings.",
        "Susuri sirkuit pada malam hari dan cari lampu yang mati; bawa lampu sesuai dayanya.",
    ),
    Code(
        "supplyLoss", "cabinet", "critical", "Cabinet without supply", "Panel tanpa suplai",
        "Ask the utility whether its feeder is down; check the main breaker, its fuses and the supply account.",
        "Tanyakan ke PLN apakah penyulang padam; periksa pemutus utama, sekring, dan rekening listrik.",
    ),
    Code(
        "neutralFailure", "cabinet", "critical", "Neutral broken", "Netral putus",
        "Touch nothing: luminaires and the cabinet may be live. Call the utility and keep people away; up to 400 V.",
        "Jangan sentuh apa pun: lampu dan panel dapat bertegangan. Hubungi PLN dan jauhkan orang; hingga 400 V.",
    ),
    Code(
        "contactorFailure", "cabinet", "critical", "Contactor does not switch", "Kontaktor tidak bekerja",
        "Bring a contactor and a coil; check the control fuse.",
        "Bawa kontaktor dan kumparan; periksa sekring kendali.",
    ),
    Code(
        "cabinetDoorOpen", "cabinet", "critical", "Cabinet door open", "Pintu panel terbuka",
        "Live parts within reach: close and lock it; look for theft; bring a lock.",
        "Bagian bertegangan terjangkau: tutup dan kunci; periksa pencurian; bawa kunci.",
    ),
    Code(
        "unmeteredLoad", "cabinet", "minor", "Load that no lamp explains", "Beban di luar lampu",
        "Look for an illegal tap along the circuits, or for lamps that the register lacks.",
        "Cari sambungan liar di sepanjang sirkuit, atau lampu yang belum ada di register.",
    ),
    Code(
        "busFailure", "controller", "major", "Data bus down", "Bus data putus",
        "The lamps burn; the data wire is broken: check RS-485 wiring, termination and the USB adapter.",
        "Lampu tetap menyala; kabel data putus: periksa kabel RS-485, terminasi, dan adaptor USB.",
    ),
    Code(
        "controllerOffline", "controller", "major", "Controller offline", "Pengendali luring",
        "Check the controller's power supply, its SIM card and data balance, and the antenna.",
        "Periksa catu daya pengendali, kartu SIM dan kuotanya, serta antena.",
    ),
)  # fmt: skip
BY_CODE: Final[dict[str, Code]] = {code.code: code for code in CATALOGUE}
