//! Words of each theme; own selection, not checked against labels.

use super::themes::Theme;

/// Themes with their words in base form; a word may stand in several.
pub(super) const THEME_WORDS: [(Theme, &str); 10] = [
    (
        Theme::Love,
        "love lover beloved darling baby sweetheart honey kiss heart embrace hug adore romance \
         romantic cuddle valentine marry wedding bride tender cherish forever hold together desire \
         passion touch mine crush dear",
    ),
    (
        Theme::Heartbreak,
        "heartbreak heartbroken goodbye farewell leave left gone tear cry lonely alone miss missing \
         apart breakup ex regret sorry betray cheat forget lost ache sob weep unfaithful over \
         shatter",
    ),
    (
        Theme::Money,
        "money cash dollar buck gold rich wealth bank bill pay paid paycheck rent coin cent million \
         billion millionaire diamond price buy bought sell sold hustle stack profit debt poor \
         broke cheque wallet",
    ),
    (
        Theme::NightAndParty,
        "night tonight midnight party dance dancing club dancefloor disco drink drunk bottle beer \
         wine whiskey champagne tequila bar dj beat bass music loud weekend friday saturday neon \
         moonlight celebrate toast",
    ),
    (
        Theme::Street,
        "street block corner hood ghetto gang cop police gun pistol trigger bullet shoot shot \
         jail prison cell dealer dope crew alley pavement sidewalk city town subway projects \
         sirens siren",
    ),
    (
        Theme::Faith,
        "god lord jesus christ heaven hell angel devil pray prayer church bible soul holy bless \
         blessing faith sin sinner saint save saviour savior amen hallelujah gospel grace altar \
         preacher allah mercy",
    ),
    (
        Theme::Family,
        "mother mama mom mum father papa dad daddy brother sister son daughter child children kid \
         grandma grandmother grandpa grandfather aunt uncle cousin family home cradle lullaby wife \
         husband parent born",
    ),
    (
        Theme::Nature,
        "river sea ocean wave shore beach mountain hill valley forest tree leaf leaves flower rose \
         grass field meadow bird wind rain storm snow sun sunshine moon star sky cloud summer \
         winter spring autumn earth island lake stream garden",
    ),
    (
        Theme::Struggle,
        "struggle fight fought pain suffer hurt hard burden scar wound survive survivor rise fall \
         fallen chain battle war hunger hungry sweat climb endure trouble hardship weary broken \
         grind sacrifice overcome cold",
    ),
    (
        Theme::Boasting,
        "king queen crown throne boss best greatest legend champion winner win number-one unbeatable \
         famous fame flex swagger superstar rule master genius untouchable haters hater rival \
         trophy platinum goat",
    ),
];
