//! The clauses and endings of our verses, written for this project.

use super::{Theme, VerseLanguage};

/// Endings by rhyme; any clause goes with any ending.
pub(super) const ENGLISH_ENDINGS: &[&[&str]] = &[
    &[
        "into the night",
        "under the light",
        "almost in sight",
        "holding on tight",
        "as if it were right",
    ],
    &[
        "at the end of the day",
        "the whole of the way",
        "whatever they say",
        "like a child at play",
        "with nothing to pay",
    ],
    &[
        "in the falling rain",
        "by the evening train",
        "again and again",
        "along the lane",
        "with nothing to gain",
    ],
    &[
        "across the sea",
        "for you and me",
        "as wild and free",
        "beside the tree",
        "as far as we see",
    ],
    &[
        "down by the shore",
        "outside of the door",
        "like never before",
        "and asking for more",
        "on a wooden floor",
    ],
    &[
        "with an open heart",
        "from the very start",
        "and falling apart",
        "like a work of art",
        "and playing a part",
    ],
    &[
        "through the morning snow",
        "and learning to grow",
        "wherever we go",
        "with the lamps turned low",
        "for the ones we know",
    ],
    &[
        "along the ground",
        "without a sound",
        "till we are found",
        "and turning around",
        "and homeward bound",
    ],
    &[
        "under the moon",
        "humming a tune",
        "later or soon",
        "all through June",
        "in the afternoon",
    ],
    &[
        "with fire in my eyes",
        "under the skies",
        "in a coat of lies",
        "as the evening dies",
        "to no surprise",
    ],
    &[
        "at the break of dawn",
        "on the summer lawn",
        "with the curtains drawn",
        "like a tired pawn",
    ],
    &[
        "in a silver stream",
        "like a broken beam",
        "in the boiler steam",
        "inside of a dream",
        "as part of the team",
    ],
];

/// Endings that rhyme over two or three syllables.
pub(super) const RAP_ENDINGS: &[&[&str]] = &[
    &[
        "at the station",
        "with dedication",
        "for the nation",
        "no hesitation",
        "on vacation",
    ],
    &[
        "with the city lights",
        "on the gritty nights",
        "at the pretty heights",
        "in the witty fights",
    ],
    &[
        "in the making",
        "for the taking",
        "while they're faking",
        "and it's breaking",
        "ever shaking",
    ],
    &[
        "with a story",
        "for the glory",
        "in a category",
        "on an inventory",
    ],
    &[
        "and we're flying",
        "no denying",
        "ever trying",
        "never lying",
        "stop replying",
    ],
    &[
        "on the level",
        "with the devil",
        "like a rebel",
        "through the revel",
    ],
    &[
        "in the mirror",
        "getting nearer",
        "seeing clearer",
        "to the hearer",
    ],
    &[
        "with my motion",
        "like an ocean",
        "pure devotion",
        "by a notion",
        "in commotion",
    ],
    &[
        "like a fighter",
        "getting tighter",
        "spark the lighter",
        "shining brighter",
        "for the writer",
    ],
    &[
        "on the pavement",
        "by arrangement",
        "in amazement",
        "down the basement",
    ],
];

/// Russian endings by rhyme.
pub(super) const RUSSIAN_ENDINGS: &[&[&str]] = &[
    &["до утра", "у костра", "как вчера", "со двора"],
    &["в тишине", "на окне", "в глубине", "в стороне", "при луне"],
    &["под дождём", "вдвоём", "ясным днём", "с огнём"],
    &["на ветру", "поутру", "ко двору", "на пиру"],
    &[
        "за рекой",
        "над водой",
        "за тобой",
        "сам не свой",
        "с тоской",
    ],
    &["в облаках", "на руках", "впопыхах", "в стихах"],
    &["в темноте", "на холсте", "в пустоте", "в простоте"],
    &["у порога", "и тревога", "ради бога", "как дорога"],
];

/// Clauses of a theme; each is whole without its ending.
pub(super) fn openers(theme: Theme, language: VerseLanguage) -> &'static [&'static str] {
    match language {
        VerseLanguage::English => english_openers(theme),
        VerseLanguage::Russian => russian_openers(theme),
    }
}

fn english_openers(theme: Theme) -> &'static [&'static str] {
    match theme {
        Theme::Love => &[
            "I keep your letter in my coat",
            "You put your hand inside of mine",
            "We share a blanket and a song",
            "My heart is learning how to speak",
            "You call my name and I come home",
            "I want to love you as I can",
        ],
        Theme::Loss => &[
            "You left the kettle and the key",
            "I set a table for just one",
            "The house is quiet and I wait",
            "I lost the number that you wrote",
            "The chair is empty where you sat",
            "I could not ask you what was wrong",
        ],
        Theme::Travel => &[
            "The wheels are singing and we ride",
            "I packed a jacket and a map",
            "The border opens and we pass",
            "We trade the mountains for the coast",
            "I send a postcard to my mum",
            "The road is longer than I thought",
        ],
        Theme::City => &[
            "The trams are ringing and they turn",
            "A thousand windows start to glow",
            "The corner baker knows us all",
            "I walk the market and the bridge",
            "The towers lean against the clouds",
            "They paint the alley blue and gold",
        ],
        Theme::Nature => &[
            "The river carries all the leaves",
            "A heron stands among the reeds",
            "The wind is combing through the wheat",
            "The valley wakes and starts to hum",
            "The foxes travel through the fern",
            "A storm is rolling off the hill",
        ],
        Theme::Party => &[
            "The bass is shaking every glass",
            "We dance until our shoes give out",
            "The room is jumping and we shout",
            "My friends are spinning in a ring",
            "The speakers rattle and we laugh",
            "They turn it louder and we move",
        ],
        Theme::Ambition => &[
            "I count my pennies and I climb",
            "I wrote the plan and made the call",
            "They closed the gate and I went round",
            "I work the double and I rise",
            "My name is written on the list",
            "I build it brick by stubborn brick",
        ],
        Theme::Memory => &[
            "My father whistled as he drove",
            "I find the photo of us all",
            "We used to race along the wall",
            "The school bell echoes and we ran",
            "I still remember how you laughed",
            "The old piano kept its dust",
        ],
    }
}

fn russian_openers(theme: Theme) -> &'static [&'static str] {
    match theme {
        Theme::Love => &[
            "Я держу твою ладонь",
            "Ты смеёшься и поёшь",
            "Мы с тобой не говорим",
            "Я люблю тебя и жду",
        ],
        Theme::Loss => &[
            "Ты ушла и дом затих",
            "Я один и жду звонка",
            "Мне никто не пишет больше",
            "Я теряю все слова",
        ],
        Theme::Travel => &[
            "Мы идём по мостовой",
            "Поезд мчится и гудит",
            "Я собрал большой рюкзак",
            "Мы не помним, где ночлег",
        ],
        Theme::City => &[
            "Город дышит и не спит",
            "Фонари опять горят",
            "Мы выходим из метро",
            "Я брожу меж этажей",
        ],
        Theme::Nature => &[
            "Ветер гонит жёлтый лист",
            "Лес качается и ждёт",
            "Снег ложится на поля",
            "Птицы кружат и кричат",
        ],
        Theme::Party => &[
            "Мы танцуем и поём",
            "Бас качает этот зал",
            "Все друзья мои пришли",
            "Мы не выключим огни",
        ],
        Theme::Ambition => &[
            "Я работаю за всех",
            "Я иду к своей мечте",
            "Мы не сдались и встаём",
            "Я построю этот дом",
        ],
        Theme::Memory => &[
            "Я припомнил старый двор",
            "Мы бежали в первый класс",
            "Мама пела нам тогда",
            "Я храню её письмо",
        ],
    }
}
