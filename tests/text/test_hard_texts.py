"""What people and language models really write, in each language, and how it is said."""

from __future__ import annotations

from functools import cache

import pytest

from engine.text.frontend import TextFrontend
from engine.text.symbols import PAUSE_MARKS, UNKNOWN
from engine.types import SplitPolicy

SILENT = {*PAUSE_MARKS, UNKNOWN, "_", "空", "停", "[", "]"}


@cache
def frontend() -> TextFrontend:
    return TextFrontend("v2")


def read(text: str, language: str) -> str:
    """What the front ends read, with a bar between runs of different languages."""
    reader = frontend()
    pieces = reader.sentences(text, language, SplitPolicy.PUNCTUATION)
    segments = [s for piece in pieces for s in reader.phonemes(piece, language).segments]
    return " | ".join(segment.normalized_text.strip() for segment in segments)


def heard(text: str, language: str) -> list[str]:
    """The phonemes without marks."""
    reader = frontend()
    pieces = reader.sentences(text, language, SplitPolicy.PUNCTUATION)
    segments = [s for piece in pieces for s in reader.phonemes(piece, language).segments]
    return [p for segment in segments for p in segment.phonemes if p not in SILENT]


ENGLISH = [
    ("Order #4021 ships 12/03/2025.", "order number 4021 ships December 3rd 2025."),
    ("Open 9am-5pm, Mon–Fri.", "Open 9 A M to 5 P M, Monday to Friday."),
    ("Jan. 3rd–5th", "January third to fifth"),
    ("10 m², 100 MB/s, 5 km/h", "ten square meters, one hundred megabytes per second, "
     "five kilometers per hour"),
    ("~50 people & 3+ dogs", "about fifty people and three plus dogs"),
    ("2 x 3 = 6 and 10^3", "two times three equals six and ten to the power of three"),
    ("±3, +7, .75, -12.5", "plus or minus three, plus seven, zero point seven five, "
     "minus twelve point five"),
    ("¥1000, ₹250, $1M, $3.5 billion", "one thousand yen, two hundred fifty rupees, "
     "one million dollars, three point five billion dollars"),
    ("1.5M users", "one point five million users"),
    ("ping 192.168.0.1:80", "ping one hundred ninety-two dot one hundred sixty-eight dot zero dot "
     "one port eighty"),
    ("2024-12-03T10:20:30Z", "December third twenty twenty-four ten twenty thirty"),
    ("24/7 and 50/50, but 3/4", "twenty-four seven and fifty fifty, but three quarters"),
    ("agent 007", "agent zero zero seven"),
    ("Louis XIV, World War II, Chapter IV", "Louis the fourteenth, World War two, Chapter four"),
    ("$20, €20, or 5kg, 50¢", "twenty dollars, twenty euros, or five kilograms, fifty cents"),
    ("the '80s at 16:9, 2:1", "the eighties at sixteen to nine, two to one"),
    ("3 1/4 cups, 5½ inches", "three and a quarter cups, five and a half inches"),
    ("5 ft 11 in, 1TB, incl. tax", "five feet eleven inches, one terabyte, including tax"),
    ("a ≠ b, √16, x + y = z", "a is not equal to b, square root of 16, x plus y equals z"),
    ("ISBN 978-3-16-148410-0", "ISBN 9 7 8, 3, 1 6, 1 4 8 4 1 0, 0"),
    ("a.b+c@example.com", "a dot b plus c at example dot com"),
    ("NASA has RAM", "nasa has ram"),
    ("221B Baker St., Apt. #5", "221B Baker Street, Apartment number five"),
    ("and/or w/o it", "and or without it"),
    ("call (555) 123-4567", "call five five five, one two three, four five six seven"),
    ("I'd've gone", "I'd have gone"),
    ("Wi-Fi at 5pm", "wifi at five P M"),
    ("It’s fine—then he left.", "It's fine, then he left."),
    ("look at C:\\Users\\me", "look at C users me"),
    ("> **Note:** use `git` 🚀", "Note. use git"),
]  # fmt: skip
CHINESE = [
    ("访问https://docs.example.com/a?b=1吧", "访问 | docs dot example dot com | 吧."),
    ("发到me@example.com.cn。", "发到 | me at example dot com dot cn"),
    ("比分是3:2，比例1:100", "比分是三比二, | 比例一比一百."),
    ("1月3日-5日，周一-周五", "一月三日至五日, | 周一至周五."),
    ("2019-2024年", "二零一九年至二零二四年."),
    ("时速120km/h，面积10m²", "时速一百二十公里每小时, | 面积十平方米."),
    ("2.45GHz，€899", "二点四五吉赫兹, | 八百九十九欧元."),
    ("满100减20，共12000", "满一百减二十, | 共一万二千."),
    ("1,000,000和12,345", "一百万和一万二千三百四十五."),
    ("2个人，第2个，12个", "两个人,第二个,十二个."),
    ("3+2=5，2×3=6，10^3", "三加二等于五, | 二乘三等于六, | 十的三次方."),
    ("±3，.75，½杯", "正负三,零点七五, | 二分之一杯."),
    ("400-800-1234", "四零零八零零幺二三四."),
    ("电话：2345-6789", "电话,二三四五六七八九."),
    ("192.168.0.1:8080", "一九二点一六八点零点一端口八零八零."),
    ("“没事”——然后走了", "没事,然后走了."),
    ("角度90°，$1M", "角度九十度, | 一百万美元."),
    ("NASA用5kg", "nasa | 用五千克."),
    ("3nm，120mmHg", "三纳米,一百二十毫米汞柱."),
    ("√2，x²+y²=z²", "根号二, | x | 的平方加 | y | 的平方等于 | z | 的平方."),
]
CANTONESE = [
    ("總數HK$1,249.99", "总数一千二百四十九点九九港元."),
    ("打電話2345-6789啦", "打电话二三四五六七八九啦."),
    ("2個人，120km/h", "两个人,一百二十公里每小时."),
    ("比數係3:2", "比数系三比二."),
    ("打9876-5432", "打九八七六五四三二."),
    ("睇www.example.org啦", "睇 | example dot org | 啦."),
]
JAPANESE = [
    ("気温は-5°C", "気温はマイナス5度。"),
    ("0.5と2.45GHz", "0点ゴーと2点ヨンゴーギガヘルツ。"),
    ("v2.0.1です", "v | ニー点ゼロ点イチです。"),
    ("月〜金、3日〜5日", "月から金、。 | 3日から5日。"),
    ("スコアは3:2", "スコアは3対2。"),
    ("0120-123-456に電話", "ゼロイチニーゼロのイチニーサンのヨンゴーロクに電話。"),
    ("〒100-0001", "郵便番号イチゼロゼロのゼロゼロゼロイチ。"),
    ("千代田区1-2-3", "千代田区1の2の3。"),
    ("3+2=5、10^3", "3たす2イコール5、。 | 10の3乗。"),
    ("10m²、100MB/s", "10平方メートル、。 | 100メガバイト毎秒。"),
    ("注文#4021", "注文4021番。"),
    ("ありがとう~♪", "ありがとうー。"),
    ("10:30-11:45、㈱山田", "10時30分から11時45分、。 | (株)山田。"),
    ("ｱｲｳ、√2", "アイウ、ルート2。"),
    ("me@example.jpへ", "me at example dot jp | へ。"),
]
KOREAN = [
    ("기온은 -5°C", "기온은 영하 5도。"),
    ("0.5, 2.45GHz", "0점오, 2점사오기가헤르츠。"),
    ("월~금, 3일~5일", "월에서 금, | 3일에서 5일。"),
    ("점수는 3:2", "점수는 3대 2。"),
    ("010-1234-5678", "공일공, 일이삼사, | 오육칠팔。"),
    ("1588-1234로", "일오팔팔, | 일이삼사로。"),
    ("사람 2명", "사람 두 명。"),
    ("10m², 100MB/s", "10제곱미터, | 100메가바이트퍼세컨드。"),
    ("주문 #4021", "주문 4021번。"),
    ("10:30-11:45", "10시 30분에서 11시 45분。"),
    ("√2", "루트 2。"),
    ("me@example.co.kr로", "me at example dot co dot kr | 로。"),
]
SAID = [
    *((text, "zh", said) for text, said in CHINESE),
    *((text, "yue", said) for text, said in CANTONESE),
    *((text, "ja", said) for text, said in JAPANESE),
    *((text, "ko", said) for text, said in KOREAN),
]


@pytest.mark.parametrize(("text", "said"), ENGLISH)
def test_english_is_heard_like_its_words(text: str, said: str) -> None:
    assert heard(text, "en") == heard(said, "en")
    assert frontend().settle(f"So, {text}", "auto") == "en"


@pytest.mark.parametrize(("text", "language", "said"), SAID)
def test_notation_is_read_in_the_words_of_its_language(text: str, language: str, said: str) -> None:
    assert read(text, language).rstrip(".。") == said.rstrip(".。")


@pytest.mark.parametrize(
    ("text", "language"),
    [(text, "en") for text, _ in ENGLISH] + [(text, language) for text, language, _ in SAID],
)
def test_nothing_is_read_as_an_unknown_sound(text: str, language: str) -> None:
    if language != "ja":  # where unknown sounds are the bounds of accent phrases
        assert UNKNOWN not in [p for s in read_segments(text, language) for p in s]


def read_segments(text: str, language: str) -> list[tuple[str, ...]]:
    reader = frontend()
    pieces = reader.sentences(text, language, SplitPolicy.PUNCTUATION)
    return [s.phonemes for piece in pieces for s in reader.phonemes(piece, language).segments]
