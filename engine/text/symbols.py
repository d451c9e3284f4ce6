"""The symbol tables: which phonemes there are, and the row of the text embedding each one has.

A table is not written down but built by its rule: v1 is the sorted union of the phoneme sets of
Mandarin, Japanese and English with the punctuation; v2 appends prosody marks, Korean and
Cantonese. The first 322 ids are therefore the same in both.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import InvalidOptionError

UNKNOWN = "UNK"
PAUSE_MARKS = ("!", "?", "…", ",", ".", "-")
ACCENT_MARKS = frozenset((UNKNOWN, "_", "空", "停", "[", "]"))  # and spaces: they take no time
SILENT = ACCENT_MARKS | frozenset(PAUSE_MARKS)  # what is no word's sound

_MARKS = "SP SP2 SP3 UNK _"
_PINYIN_INITIALS = "AA EE OO b c ch d f g h j k l m n p q r s sh t w x y z zh"
_PINYIN_FINALS = """E En a ai an ang ao e ei en eng er i i0 ia ian iang iao ie in ing iong ir iu
    o ong ou u ua uai uan uang ui un uo v van ve vn"""
_KANA = """I N U a b by ch cl d dy e f g gy h hy i j k ky m my n ny o p py r ry s sh t ts u v w y
    z"""
_ARPABET_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_ARPABET_OTHERS = "B CH D DH ER F G HH IH JH K L M N NG P R S SH T TH V W Y Z ZH"
_JAMO = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎㅏㅓㅗㅜㅡㅣㅐㅔ空停"
_JYUTPING_INITIALS = """a aa ai ak au b c d e f g gw h j k kw l m n ng o oi ok on ou p s t uk
    w z"""
_JYUTPING_FINALS = """a aa aai aak aam aan aang aap aat aau ai ak am an ang ap at au e ei ek eng
    eoi eon eot g i ik im in ing ip it iu k m n o oe oek oeng oi ok on ong ot ou p t u ui uk un
    ung ut yu yun yut"""

ARPABET = frozenset(
    f"{vowel}{stress}" for vowel in _ARPABET_VOWELS.split() for stress in "012"
) | frozenset(_ARPABET_OTHERS.split())
CANTONESE = frozenset(f"Y{initial}" for initial in _JYUTPING_INITIALS.split()) | frozenset(
    f"Y{final}{tone}" for final in _JYUTPING_FINALS.split() for tone in "123456"
)


class SymbolTable:
    """The phonemes of one model version and their ids.

    Args:
        version: "v1" (322 symbols) or "v2" (732), as the bundle names it.

    Raises:
        InvalidOptionError: no such table.
    """

    def __init__(self, version: str) -> None:
        if version not in ("v1", "v2"):
            raise InvalidOptionError("symbol_version", version, "v1, v2")
        self.version = version
        self.symbols = _v1() if version == "v1" else _v1() + _v2_additions()
        self._ids = {symbol: index for index, symbol in enumerate(self.symbols)}

    def __contains__(self, phoneme: str) -> bool:
        return phoneme in self._ids

    def __len__(self) -> int:
        return len(self.symbols)

    def id(self, phoneme: str) -> int:
        """The embedding row of `phoneme`; a phoneme the table lacks is `UNK`."""
        return self._ids.get(phoneme, self._ids[UNKNOWN])

    def encode(self, phonemes: Iterable[str]) -> tuple[int, ...]:
        """The ids of `phonemes`, in order."""
        return tuple(self.id(phoneme) for phoneme in phonemes)


def _v1() -> tuple[str, ...]:
    everything = {
        *PAUSE_MARKS,
        *_MARKS.split(),
        *_PINYIN_INITIALS.split(),
        *_with_tones(_PINYIN_FINALS, 1, 5),
        *_KANA.split(),
        *_with_tones(_ARPABET_VOWELS, 0, 2),
        *_ARPABET_OTHERS.split(),
    }
    return tuple(sorted(everything))


def _v2_additions() -> tuple[str, ...]:
    cantonese = {*_JYUTPING_INITIALS.split(), *_with_tones(_JYUTPING_FINALS, 1, 6)}
    return ("[", "]", *sorted(_JAMO), *sorted(f"Y{part}" for part in cantonese))


def _with_tones(finals: str, lowest: int, highest: int) -> list[str]:
    tones = range(lowest, highest + 1)
    return [f"{final}{tone}" for final in finals.split() for tone in tones]
