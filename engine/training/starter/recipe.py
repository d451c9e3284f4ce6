"""All numbers of the starter bundle in one place."""

from __future__ import annotations

from engine.training.starter.generate import Speaker

SEED = 20
SPEAKERS = (
    Speaker("rms", "flite", "rms", "en", 2400),
    Speaker("slt", "flite", "slt", "en", 2400),
    Speaker("kal", "flite", "kal16", "en", 1600),
    Speaker("mei", "espeak-ng", "cmn-latn-pinyin+f2", "zh", 1800),
)
