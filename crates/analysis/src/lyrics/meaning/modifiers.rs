//! Small closed lists of English words that turn, strengthen or weaken what follows. Many of them stand
//! in the lists of the VADER program too (MIT, `data/vader.LICENSE`); the selection is ours.

use std::sync::OnceLock;

use crate::lyrics::fixed_map::FixedMap;

/// Words that turn the sense of what follows; contractions with `n't` are told by their ending.
const NEGATIONS: &str = "not no never none nor neither nothing nobody nowhere nope without cannot rarely seldom \
    despite aint cant dont wont isnt arent wasnt werent doesnt didnt hasnt havent hadnt \
    shouldnt wouldnt couldnt mustnt neednt shant darent mightnt oughtnt uh-uh uhuh";

/// Degree words that make the next feeling stronger.
const INTENSIFIERS: &str = "so very really more most quite totally completely absolutely extremely incredibly deeply \
    highly utterly entirely fully especially particularly awfully amazingly remarkably \
    thoroughly tremendously unbelievably intensely enormously hugely greatly purely \
    exceptionally considerably substantially decidedly majorly fabulously unusually hella uber \
    total utter extreme major incredible tremendous enormous exceptional fucking fuckin \
    freaking friggin effing";

/// Degree words that make the next feeling weaker; `kind of` and `sort of` are told by their pair.
const DAMPENERS: &str = "almost barely hardly scarcely scarce slightly slight somewhat partly less little kinda \
    sorta kind-of sort-of marginally marginal occasionally occasional kindof sortof";

/// Function words: they carry no feeling, so they do not count when coverage is measured.
const FUNCTION_WORDS: &str = "a an the and or but if then than as at by for from in into of off on onto out over to up \
    down with under about after before through till until while when where why how what who \
    which that this these those there here i me my mine you your yours he him his she her hers \
    it its we us our ours they them their am is are was were be been being do does did have \
    has had will would shall should can could may might must i'm i'll i've i'd you're it's \
    that's we're they're just all some such oh yeah la na ooh";

/// What a word does to the words after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Turns a feeling into the opposite.
    Negation,
    /// Makes it stronger.
    Intensifier,
    /// Makes it weaker.
    Dampener,
    /// Does nothing, and carries nothing either.
    Function,
    /// May carry a feeling or a subject.
    Content,
}

impl Role {
    /// Tells the role of a folded word.
    pub fn of(word: &str) -> Self {
        match roles().get(word) {
            Some(role) => *role,
            None if word.ends_with("n't") => Self::Negation,
            None if word.chars().any(char::is_alphabetic) => Self::Content,
            None => Self::Function,
        }
    }

    /// Tells the direction of a degree word: 1 stronger, −1 weaker, 0 for every other word.
    pub fn degree(self) -> f64 {
        match self {
            Self::Intensifier => 1.0,
            Self::Dampener => -1.0,
            _ => 0.0,
        }
    }
}

fn roles() -> &'static FixedMap<&'static str, Role> {
    static ROLES: OnceLock<FixedMap<&'static str, Role>> = OnceLock::new();
    ROLES.get_or_init(|| {
        let lists = [
            (FUNCTION_WORDS, Role::Function),
            (NEGATIONS, Role::Negation),
            (INTENSIFIERS, Role::Intensifier),
            (DAMPENERS, Role::Dampener),
        ];
        let named = lists.into_iter();
        named
            .flat_map(|(words, role)| words.split_whitespace().map(move |word| (word, role)))
            .collect()
    })
}
