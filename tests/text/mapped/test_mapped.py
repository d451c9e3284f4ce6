"""French, German, Spanish, Italian and Portuguese are read in phonemes of other languages."""

from __future__ import annotations

import pytest

from engine.errors import MissingDependencyError, SynthesisError
from engine.text.frontend import TextFrontend
from engine.text.mapped import espeak
from engine.text.mapped.frontend import MappedFrontend
from engine.text.mapped.normalizer import MappedNormalizer
from engine.text.symbols import SymbolTable
from engine.types import SplitPolicy

SENTENCES = [
    (
        "fr",
        "M. Dupont paie 1 234,56 € le 1/5/2024 à 14h30.",
        "monsieur Dupont paie mille deux cent trente-quatre euros cinquante-six centimes le "
        "premier mai deux mille vingt-quatre à quatorze heures trente.",
    ),
    (
        "fr",
        "La 1re fois (n° 12) : 3-5 °C !",
        "La première fois, numéro douze, trois à cinq degrés Celsius!",
    ),
    ("fr", "« C’est 25 % »", "C'est vingt-cinq pour cent"),
    ("fr", "v3.11, 80 fois, 007", "v trois point onze, quatre-vingts fois, zéro zéro sept"),
    (
        "de",
        "Am 3. Mai 1984 um 14:05 Uhr",
        "Am dritten Mai neunzehnhundertvierundachtzig um vierzehn Uhr fünf",
    ),
    (
        "de",
        "z. B. 1.234,50 € oder -3,25",
        "zum Beispiel eintausendzweihundertvierunddreißig Euro fünfzig Cent oder minus drei "
        "Komma zwei fünf",
    ),
    ("de", "1 km, 2 km/h; Nr. 5", "ein Kilometer, zwei Kilometer pro Stunde, Nummer fünf"),
    ("es", "¿Son las 21:15 o la 1:00?", "Son las veintiuna y quince o la una?"),
    ("es", "3.º, 2ª, 50 % y 1.000.000", "tercero, segunda, cincuenta por ciento y un millón"),
    (
        "it",
        "Il Sig. Rossi paga 12,05 €, ecc.",
        "Il signor Rossi paga dodici euro cinque centesimi, eccetera",
    ),
    (
        "pt",
        "R$ 5,90 em 07/09/1822",
        "cinco reais noventa centavos em sete de setembro de mil oitocentos e vinte e dois",
    ),
    (
        "fr",
        "3½ l, 500 ¥, x ≥ 2³",
        "trois et demi l, cinq cents yens, x supérieur ou égal à deux au cube",
    ),
    ("fr", "10h30-11h45, 16 Go", "dix heures trente à onze heures quarante-cinq, seize gigaoctets"),
    (
        "de",
        "Tel. 030-1234567, inkl. 19 % MwSt.",
        "Telefon null drei null eins zwei drei vier fünf "
        "sechs sieben, inklusive neunzehn Prozent Mehrwertsteuer",
    ),
    ("de", "10:30-11:45 Uhr", "zehn Uhr dreißig bis elf Uhr fünfundvierzig"),
    (
        "es",
        "+34 612 345 678, aprox. 100 Mb/s",
        "más treinta y cuatro seis uno dos tres cuatro cinco "
        "seis siete ocho, aproximadamente cien megabits por segundo",
    ),
    ("it", "ca. 06 1234567", "circa zero sei uno due tre quattro cinque sei sette"),
    ("pt", "91234-5678", "nove um dois três quatro cinco seis sete oito"),
    (
        "de",
        "Im 21. Jahrhundert, in der 3. Etage; das 19. Jahrhundert",
        "Im einundzwanzigsten Jahrhundert, in der dritten Etage, das neunzehnte Jahrhundert",
    ),
    ("de", "Ich bin 21. Er ist 20.", "Ich bin einundzwanzig. Er ist zwanzig."),
    (
        "de",
        "Die 1990er Jahre, in den 90ern",
        "Die neunzehnhundertneunziger Jahre, in den neunzigern",
    ),
    (
        "de",
        "Ludwig XIV. und Elisabeth II, Kapitel IV, 24/7",
        "Ludwig der vierzehnte und Elisabeth die zweite, Kapitel vier, vierundzwanzig sieben",
    ),
    (
        "fr",
        "Louis XIV, François Ier, le XIXe siècle et la Ve République",
        "Louis quatorze, François premier, le dix-neuvième siècle et la cinquième République",
    ),
    (
        "fr",
        "24h/24, 7j/7, il a 24h",
        "vingt-quatre heures sur vingt-quatre, sept jours sur sept, il a vingt-quatre heures",
    ),
    (
        "es",
        "el siglo XXI, Felipe VI, Isabel II, siglo V, Juan XXIII",
        "el siglo veintiuno, Felipe sexto, Isabel segunda, siglo quinto, Juan veintitrés",
    ),
    ("it", "il XXI secolo, Luigi XIV", "il ventunesimo secolo, Luigi quattordicesimo"),
    ("it", "CHE VI DICO", "CHE VI DICO"),
    ("pt", "o século XXI, Dom Pedro II", "o século vinte e um, Dom Pedro segundo"),
    ("pt", "às 2h, 1/2 & 3+4=7", "às duas horas, um sobre dois e três mais quatro igual a sete"),
]


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend("v2")


@pytest.mark.parametrize(("language", "written", "spoken"), SENTENCES)
def test_numbers_and_signs_are_written_out(language: str, written: str, spoken: str) -> None:
    normalizer = MappedNormalizer(language)
    assert normalizer.normalize(written) == spoken
    assert normalizer.normalize(spoken) == spoken


@pytest.mark.parametrize(
    ("language", "text", "phonemes"),
    [
        ("fr", "Bonjour, tu ?", "B AO0 NG ZH UW1 R , T v4 ?"),
        ("de", "schöne Bücher", "SH ER1 N AH0 B v4 SH AH0"),
        ("es", "el niño juega", "EH0 L N IY1 N Y AO0 HH W EH1 G AA0"),
        ("it", "la pizza", "L AA0 P IY1 T T S AA0"),
        ("pt", "o coração", "UW0 K OW2 R AA0 S AW1 NG"),
    ],
)
def test_words_are_read_in_known_phonemes(language: str, text: str, phonemes: str) -> None:
    assert " ".join(MappedFrontend(SymbolTable("v2"), language).read(text).phonemes) == phonemes


def test_numbers_do_not_cut_a_sentence(frontend: TextFrontend) -> None:
    text = "Ça coûte 1,234 m. M. Dupont vient le 1.5.2024."
    pieces = frontend.sentences(text, "fr", SplitPolicy.PUNCTUATION)
    assert pieces == [
        "Ça coûte un virgule deux trois quatre mètres.",
        " monsieur Dupont vient le premier mai deux mille vingt-quatre.",
    ]


def test_an_explicit_language_reads_all_latin_text(frontend: TextFrontend) -> None:
    (segment,) = frontend.phonemes("Bonjour Anna, 你好.", "fr").segments
    assert segment.language == "fr"
    assert segment.normalized_text == "Bonjour Anna,"


@pytest.mark.parametrize("text", ["[[h@'loU]] <b>x</b> &amp;", "--version", "-v de\x00", "\\"])
def test_text_is_never_taken_for_commands(text: str) -> None:
    plain = MappedFrontend(SymbolTable("v2"), "fr").read(text)
    assert "version" not in " ".join(plain.phonemes)
    assert len(plain.phonemes) < 40


def test_missing_program_is_named_with_the_way_to_get_it(
    frontend: TextFrontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert not espeak.is_installed()
    with pytest.raises(MissingDependencyError, match="apt install espeak-ng"):
        frontend.phonemes("Bonjour tout le monde.", "fr")


def test_a_voice_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(SynthesisError, match="espeak-ng failed"):
        espeak.sounds("hello", "xx-nobody")


def test_mapped_languages_are_marked(frontend: TextFrontend) -> None:
    assert frontend.mapped_languages == ("fr", "de", "es", "it", "pt")
    assert set(frontend.mapped_languages) < set(frontend.languages)
