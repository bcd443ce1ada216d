//! Words of each emotion; own selection, not checked against labels.

use super::emotions::Emotion;

/// Emotions with their words in base form; a word may stand in several.
pub(super) const EMOTION_WORDS: [(Emotion, &str); 6] = [
    (
        Emotion::Joy,
        "joy joyful joyous happy happily happiness glad gladly gladness delight delighted delightful merry \
         cheer cheerful bliss blissful laugh laughter laughed smile smiling grin giggle celebrate rejoice \
         jolly content contented thrill thrilled ecstasy ecstatic elated euphoria euphoric gleeful glee \
         paradise sunshine wonderful fun blessed jubilant carefree",
    ),
    (
        Emotion::Anger,
        "anger angry angrily rage raging fury furious mad hate hatred hater wrath rageful resent resentment bitter \
         bitterness spite spiteful outrage outraged annoy annoyed irritate irritated enrage enraged hostile \
         vengeance revenge avenge despise loathe scorn curse cursed scream yell fuming livid temper \
         infuriate vicious grudge",
    ),
    (
        Emotion::Fear,
        "fear fearful afraid scare scared scary frighten frightened terrify terrified terror horror horrify dread dreadful \
         panic panicked anxious anxiety nervous worry worried tremble trembling shiver nightmare paranoid paranoia \
         timid uneasy haunt haunted alarm alarmed petrified coward danger dangerous threat menace phobia",
    ),
    (
        Emotion::Sadness,
        "sad sadly sadness sorrow sorrowful grief grieve mourn mournful weep wept cry cried tear teardrop lonely \
         loneliness lonesome alone miserable misery despair hopeless heartache heartbreak heartbroken gloom gloomy \
         melancholy unhappy depressed depression blue blues sob sigh ache regret woe anguish tragic tragedy \
         forlorn desolate dismal broken sorry homesick",
    ),
    (
        Emotion::Love,
        "love loved lover loving lovely beloved darling dear dearest sweetheart adore adored adoring affection tender \
         tenderness tenderly fond cherish devotion devoted romance romantic passion passionate desire kiss \
         kissed embrace hug caress cuddle heart honey baby crush infatuated yearn yearning soulmate",
    ),
    (
        Emotion::Surprise,
        "surprise surprised surprising amaze amazed amazing amazement astonish astonished astonishing astonishment astound \
         astounded shock shocked shocking startle startled stun stunned stunning sudden suddenly unexpected \
         unexpectedly unbelievable incredible wonder wondrous marvel miracle miraculous magic magical speechless \
         bewildered dumbfounded gasp whoa wow",
    ),
];
