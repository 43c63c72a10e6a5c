"""Made-up names of schools in both languages, put together from common place-name syllables."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

from catalog.school import Locality, SchoolKind
from catalog.types import Names

FIRST: Final = (
    "青 Qing|白 Bai|龙 Long|凤 Feng|石 Shi|金 Jin|银 Yin|双 Shuang|高 Gao|永 Yong|新 Xin|平 Ping|太 Tai|天 Tian|云 Yun|"
    "清 Qing|松 Song|竹 Zhu|梅 Mei|柳 Liu|杨 Yang|观 Guan|望 Wang|和 He|顺 Shun|兴 Xing|安 An|文 Wen|明 Ming|春 Chun"
)
SECOND: Final = (
    "山 shan|溪 xi|河 he|湾 wan|坝 ba|桥 qiao|岭 ling|坪 ping|泉 quan|滩 tan|塘 tang|坡 po|林 lin|湖 hu|岩 yan|"
    "场 chang|门 men|沟 gou|峰 feng|垭 ya|田 tian|井 jing|寨 zhai|堰 yan|台 tai|洞 dong|口 kou|池 chi|原 yuan|关 guan"
)
TITLES: Final = {
    SchoolKind.PRIMARY: ("小学", "Primary School"),
    SchoolKind.JUNIOR_MIDDLE: ("初级中学", "Junior Middle School"),
    SchoolKind.NINE_YEAR: ("九年制学校", "Nine-Year School"),
    SchoolKind.SENIOR_MIDDLE: ("高级中学", "Senior Middle School"),
    SchoolKind.COMPLETE_MIDDLE: ("中学", "Middle School"),
    SchoolKind.TWELVE_YEAR: ("十二年制学校", "Twelve-Year School"),
    SchoolKind.VOCATIONAL: ("职业技术学校", "Vocational School"),
    SchoolKind.SPECIAL: ("特殊教育学校", "Special Education School"),
}
PLACES: Final = {
    Locality.URBAN: ("路", "Road"),
    Locality.COUNTY_SEAT: ("街", "Street"),
    Locality.TOWNSHIP: ("镇", "Township"),
    Locality.VILLAGE: ("村", "Village"),
}


def place_names(dice: random.Random) -> Iterator[Names]:
    """Place names in random order, each once; 900 of them."""
    halves = [[part.split() for part in text.split("|")] for text in (FIRST, SECOND)]
    pairs = [Names(zh=a[0] + b[0], en=a[1] + b[1]) for a in halves[0] for b in halves[1]]
    dice.shuffle(pairs)
    yield from pairs


def school_name(place: Names, kind: SchoolKind, locality: Locality) -> Names:
    """The name of a school of ``kind`` at ``place``."""
    (where_zh, where_en), (title_zh, title_en) = PLACES[locality], TITLES[kind]
    central = locality is Locality.TOWNSHIP and kind is SchoolKind.PRIMARY
    return Names(
        zh=f"{place.zh}{where_zh}{'中心' if central else ''}{title_zh}",
        en=f"{place.en} {where_en} {'Central ' if central else ''}{title_en}",
    )
