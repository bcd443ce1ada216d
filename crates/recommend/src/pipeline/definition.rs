//! The pipeline of a placement as a text file.

use std::ops::Range;
use std::time::Duration;

use leitmotif_domain::limits;
use serde::Deserialize;
use toml::Spanned;

use crate::counts::MOST_POPULAR;
use crate::explain::Source;
use crate::model::BlendWeights;
use crate::rules::{Action, Rule};

/// The text of the built-in pipeline, with its comments: what a new one starts from.
pub const BUILT_IN: &str = include_str!("built_in.toml");

/// The placement whose lists are of what trends unless a pipeline says otherwise.
pub const TRENDING: &str = "home.trending";

/// A text that is no pipeline: where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct DefinitionError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

/// How the lists of a placement are made.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineDefinition {
    /// What it is for.
    pub description: String,
    /// What sources count where it is not what training found.
    pub(super) weights: SourceWeights,
    /// How candidates are ordered.
    pub ranking: Ranking,
    /// How the list is made of them.
    pub list: ListOptions,
    /// Where the controls stand when a request says nothing.
    pub controls: Controls,
    /// What of the order is left to chance.
    pub exploration: Exploration,
    /// How long stages may take.
    pub budgets: Budgets,
    /// What the owner wants, in order.
    pub rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PipelineText {
    #[serde(default)]
    description: String,
    #[serde(default)]
    sources: SourceWeights,
    #[serde(default)]
    ranking: Ranking,
    #[serde(default)]
    list: ListOptions,
    #[serde(default)]
    controls: Controls,
    #[serde(default)]
    exploration: Exploration,
    #[serde(default)]
    budgets: Budgets,
    #[serde(default)]
    rules: Vec<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceWeights {
    taste: Option<SourceText>,
    neighbours: Option<SourceText>,
    content: Option<SourceText>,
    popular: Option<SourceText>,
    session: Option<SourceText>,
    sessions: Option<SourceText>,
    trending: Option<SourceText>,
    fresh: Option<SourceText>,
    familiar: Option<SourceText>,
}

/// What a file says of a source.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a weight, or a table of weight and count")]
enum SourceText {
    Weight(f32),
    Options(SourceOptions),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceOptions {
    weight: Option<f32>,
    count: Option<usize>,
}

impl SourceText {
    fn options(self) -> SourceOptions {
        match self {
            Self::Weight(weight) => SourceOptions {
                weight: Some(weight),
                count: None,
            },
            Self::Options(options) => options,
        }
    }
}

/// How candidates are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ranking {
    /// By what.
    pub by: RankBy,
    /// How many candidates of the blend are ordered.
    pub candidates: usize,
}

/// What orders candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RankBy {
    /// The learned ranker where there is one, else the blend.
    Ranker,
    /// The weighted sum of the sources.
    Blend,
}

impl Default for Ranking {
    fn default() -> Self {
        Self {
            by: RankBy::Ranker,
            candidates: 200,
        }
    }
}

/// How a list is made of ordered candidates.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListOptions {
    /// Places between two tracks of one artist, where the candidates allow it.
    pub artist_gap: usize,
    /// Places between two tracks of one release, compilations among them, where candidates and the gap
    /// between artists allow it.
    pub album_gap: usize,
    /// How variety is sought.
    pub diversify: Diversify,
    /// How much variety counts beside relevance, 0 to 1.
    pub diversity: f32,
    /// Whether tracks the listener has heard may appear.
    pub include_heard: bool,
    /// Tracks played within so many hours do not come again.
    pub repeat_hours: u32,
}

/// How variety is sought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Diversify {
    /// By spacing artists alone.
    None,
    /// Maximal marginal relevance.
    Mmr,
    /// A determinantal point process.
    Dpp,
    /// Towards the listener's own mix of genres.
    Calibrated,
}

impl Default for ListOptions {
    fn default() -> Self {
        Self {
            artist_gap: 2,
            album_gap: 1,
            diversify: Diversify::None,
            diversity: 0.3,
            include_heard: false,
            repeat_hours: 0,
        }
    }
}

/// What a list is made for, with what it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// `relevance`, `diversity`, `familiarity`, `novelty`, `popularity` or `freshness`.
    pub name: &'static str,
    /// Relevance and diversity share 1; the others are the control's turn, −1 to 1.
    pub weight: f32,
}

/// What a listener, or the owner of a placement, turns. Each runs from −1 to 1; 0 changes nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Controls {
    /// Towards artists the listener plays, or away from them.
    pub familiarity: f32,
    /// Towards hits, or deep cuts.
    pub popularity: f32,
    /// Towards what is new in the catalogue, or old.
    pub freshness: f32,
}

impl Controls {
    /// Whether anything is turned.
    pub fn is_neutral(&self) -> bool {
        *self == Self::default()
    }

    /// Name and value of each.
    pub fn named(&self) -> [(&'static str, f32); 3] {
        [
            ("familiarity", self.familiarity),
            ("popularity", self.popularity),
            ("freshness", self.freshness),
        ]
    }
}

/// What of the order is left to chance, so that training can tell a good track from a good position.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exploration {
    /// Probability that two neighbouring tracks change places. Not above ½: more would show the worse
    /// of two first, most of the time.
    pub swap: f32,
    /// Probability that a place holds a track drawn from the other candidates.
    pub draw: f32,
    /// How many first places are never given to a drawn track.
    pub draw_after: usize,
    /// Whether the order of the shelves is chosen by what came of each: of the page `home` alone.
    pub layout: bool,
}

impl Default for Exploration {
    fn default() -> Self {
        Self {
            swap: 0.0,
            draw: 0.0,
            draw_after: 3,
            layout: false,
        }
    }
}

impl Exploration {
    /// Whether anything is left to chance.
    pub fn is_on(&self) -> bool {
        self.swap > 0.0 || self.draw > 0.0
    }
}

/// How long stages may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budgets {
    /// Reading the profile, once the log is level.
    pub features: u32,
    /// Asking the sources.
    pub candidates: u32,
    /// Ordering.
    pub ranking: u32,
    /// Making the list: variety and spacing. Rules always apply.
    pub list: u32,
}

/// A stage that has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Asking the sources.
    Candidates,
    /// Ordering.
    Ranking,
    /// Making the list.
    List,
}

impl Default for Budgets {
    fn default() -> Self {
        Self {
            features: 10,
            candidates: 40,
            ranking: 40,
            list: 10,
        }
    }
}

impl Budgets {
    /// As long as it takes, for work that nobody waits for.
    pub fn unlimited() -> Self {
        Self {
            features: u32::MAX,
            candidates: u32::MAX,
            ranking: u32::MAX,
            list: u32::MAX,
        }
    }

    /// When, counted from where the log is level, a stage must be over: what the stages before did not use,
    /// it may.
    pub fn deadline(&self, stage: Stage) -> Duration {
        let parts: &[u32] = match stage {
            Stage::Candidates => &[self.features, self.candidates],
            Stage::Ranking => &[self.features, self.candidates, self.ranking],
            Stage::List => &[self.features, self.candidates, self.ranking, self.list],
        };
        Duration::from_millis(parts.iter().map(|part| u64::from(*part)).sum())
    }
}

impl Default for PipelineDefinition {
    /// The built-in pipeline.
    fn default() -> Self {
        Self {
            description: "As built in".to_owned(),
            weights: SourceWeights::default(),
            ranking: Ranking::default(),
            list: ListOptions::default(),
            controls: Controls::default(),
            exploration: Exploration::default(),
            budgets: Budgets::default(),
            rules: Vec::new(),
        }
    }
}

impl PipelineDefinition {
    /// The built-in pipeline with another way to make lists, and all the time it takes: for work that
    /// nobody waits for.
    pub fn unhurried(list: ListOptions) -> Self {
        Self {
            list,
            budgets: Budgets::unlimited(),
            ..Self::default()
        }
    }

    /// Reads a pipeline.
    ///
    /// - Errors: [`DefinitionError`] with line and column: for text that is not TOML, unknown keys,
    ///   numbers out of range, rules that do not read, and more than `RULES_MAX` rules.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let read: PipelineText = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            error_at(text, span.start, error.message().trim())
        })?;
        let sources = read.sources.named();
        let names = sources.map(|(source, _)| source.name());
        let ranges = [
            (
                "sources",
                &names[..],
                0.0..=100.0,
                sources.map(|(_, one)| one.weight.unwrap_or(0.0)).to_vec(),
            ),
            (
                "controls",
                &["familiarity", "popularity", "freshness"],
                -1.0..=1.0,
                read.controls.named().map(|(_, value)| value).to_vec(),
            ),
            ("list", &["diversity"], 0.0..=1.0, vec![read.list.diversity]),
            (
                "exploration",
                &["swap"],
                0.0..=0.5,
                vec![read.exploration.swap],
            ),
            (
                "exploration",
                &["draw"],
                0.0..=1.0,
                vec![read.exploration.draw],
            ),
        ];
        for (table, keys, range, values) in ranges {
            for (key, value) in keys.iter().zip(values) {
                if !range.contains(&value) {
                    let reason = format!(
                        "`{table}.{key}` is {value}, must be in {} to {}",
                        range.start(),
                        range.end()
                    );
                    return Err(error_at(text, place_of(text, key), reason));
                }
            }
        }
        check_candidates(text, read.ranking.candidates)?;
        for (source, options) in sources {
            check_count(text, source, options.count)?;
        }
        if read.rules.len() > limits::RULES_MAX {
            let reason = format!("{} rules, at most {}", read.rules.len(), limits::RULES_MAX);
            return Err(error_at(text, place_of(text, "rules"), reason));
        }
        let rules = read.rules.iter().map(|rule| rule_of(text, rule));
        Ok(Self {
            description: read.description,
            weights: read.sources,
            ranking: read.ranking,
            list: read.list,
            controls: read.controls,
            exploration: read.exploration,
            budgets: read.budgets,
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// The same with one more rule and nothing left to chance.
    pub fn narrowed(&self, rule: Rule) -> Self {
        let mut narrowed = Self {
            exploration: Exploration::default(),
            ..self.clone()
        };
        narrowed.rules.push(rule);
        narrowed
    }

    /// What the sources count: what training found, where the file does not say otherwise.
    pub fn blend(&self, trained: &BlendWeights) -> BlendWeights {
        let said = |source: Source, trained: f32| self.options(source).weight.unwrap_or(trained);
        BlendWeights {
            taste: said(Source::Taste, trained.taste),
            neighbours: said(Source::Neighbours, trained.neighbours),
            content: said(Source::Content, trained.content),
            popular: said(Source::Popular, trained.popular),
            session: said(Source::Session, trained.session),
            sessions: said(Source::Sessions, trained.sessions),
            trending: said(Source::Trending, trained.trending),
            moment: trained.moment,
            audience: trained.audience,
        }
    }

    /// Whether a source was taken out.
    pub fn leaves_out(&self, source: Source) -> bool {
        self.options(source).weight == Some(0.0)
    }

    /// How many candidates a source offers at most, where the file says so.
    pub fn count_of(&self, source: Source) -> Option<usize> {
        self.options(source).count
    }

    /// What a source counts on a rung below the most personal one: as built in, where the file does not say
    /// otherwise.
    pub fn weight_or(&self, source: Source, built_in: f32) -> f32 {
        self.options(source).weight.unwrap_or(built_in)
    }

    /// What a source counts that training knows nothing of: nothing unless the file says so.
    pub fn added_weight(&self, source: Source) -> f32 {
        self.options(source).weight.unwrap_or(0.0)
    }

    fn options(&self, source: Source) -> SourceOptions {
        let mut named = self.weights.named().into_iter();
        let found = named.find(|(one, _)| *one == source);
        found.map(|(_, options)| options).unwrap_or_default()
    }

    /// The pipeline of the placement [`TRENDING`], where the tenant has none of that name.
    pub fn trending() -> Self {
        let definition = Self::parse(include_str!("trending.toml"));
        definition.expect("a test reads it")
    }

    /// Whether what everybody is offered is what trends: where the file takes it and not what is popular.
    pub fn is_of_trends(&self) -> bool {
        let trends = self.added_weight(Source::Trending) > 0.0;
        trends && self.leaves_out(Source::Popular)
    }

    /// The same where a request wants so much variety.
    pub fn with_diversity(&self, diversity: f32) -> Self {
        let mut turned = self.clone();
        turned.list.diversity = diversity;
        if turned.list.diversify == Diversify::None && diversity > 0.0 {
            turned.list.diversify = Diversify::Mmr;
        }
        turned
    }

    /// What a list is made for where controls stand so: nothing is named that has no say.
    pub fn objectives(&self, controls: &Controls) -> Vec<Objective> {
        let diversity = match self.list.diversify {
            Diversify::None => 0.0,
            _ => self.list.diversity,
        };
        let [familiarity, popularity, freshness] = controls.named().map(|(_, turn)| turn);
        let all = [
            ("relevance", 1.0 - diversity),
            ("diversity", diversity),
            ("familiarity", familiarity.max(0.0)),
            ("novelty", (-familiarity).max(0.0)),
            ("popularity", popularity),
            ("freshness", freshness),
        ];
        let active = all.into_iter().filter(|(_, weight)| *weight != 0.0);
        active
            .map(|(name, weight)| Objective { name, weight })
            .collect()
    }

    /// Whether the order of candidates may change after ranking.
    pub fn adjusts(&self) -> bool {
        let moves = |rule: &Rule| !matches!(rule.action(), Action::Filter);
        self.list.diversify != Diversify::None || self.rules.iter().any(moves)
    }
}

impl SourceWeights {
    fn named(&self) -> [(Source, SourceOptions); 9] {
        [
            (Source::Taste, self.taste),
            (Source::Neighbours, self.neighbours),
            (Source::Content, self.content),
            (Source::Popular, self.popular),
            (Source::Session, self.session),
            (Source::Sessions, self.sessions),
            (Source::Trending, self.trending),
            (Source::Fresh, self.fresh),
            (Source::Familiar, self.familiar),
        ]
        .map(|(source, said)| (source, said.map(SourceText::options).unwrap_or_default()))
    }
}

fn check_count(text: &str, source: Source, count: Option<usize>) -> Result<(), DefinitionError> {
    match count {
        Some(count) if !(1..=MOST_POPULAR).contains(&count) => {
            let name = source.name();
            let reason =
                format!("`sources.{name}.count` is {count}, must be in 1 to {MOST_POPULAR}");
            Err(error_at(text, place_of(text, name), reason))
        }
        _ => Ok(()),
    }
}

fn check_candidates(text: &str, candidates: usize) -> Result<(), DefinitionError> {
    if (1..=limits::RECOMMENDATIONS_MAX).contains(&candidates) {
        return Ok(());
    }
    let reason = format!(
        "`ranking.candidates` is {candidates}, must be in 1 to {}",
        limits::RECOMMENDATIONS_MAX
    );
    Err(error_at(text, place_of(text, "candidates"), reason))
}

fn rule_of(text: &str, rule: &Spanned<String>) -> Result<Rule, DefinitionError> {
    Rule::parse(rule.get_ref()).map_err(|error| {
        let Range { start, end } = rule.span();
        // A basic string without escapes stands in the file as it is read, after its quote.
        let is_plain = text.get(start + 1..end.saturating_sub(1)) == Some(rule.get_ref().as_str());
        let within = rule
            .get_ref()
            .chars()
            .take(error.column - 1)
            .map(char::len_utf8)
            .sum::<usize>();
        let at = if is_plain { start + 1 + within } else { start };
        error_at(text, at, format!("in the rule, {error}"))
    })
}

/// The last key of that name: good enough to point at a value that is out of range.
fn place_of(text: &str, key: &str) -> usize {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim_start();
        if trimmed
            .strip_prefix(key)
            .is_some_and(|rest| rest.trim_start().starts_with('='))
        {
            return at + (line.len() - trimmed.len());
        }
        at += line.len();
    }
    0
}

fn error_at(text: &str, at: usize, reason: impl Into<String>) -> DefinitionError {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    DefinitionError {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        reason: reason.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_text_is_the_built_in_pipeline() {
        assert_eq!(
            PipelineDefinition::parse(BUILT_IN).unwrap(),
            PipelineDefinition::default()
        );
        let empty = PipelineDefinition::parse("").unwrap();
        let described = PipelineDefinition {
            description: String::new(),
            ..PipelineDefinition::default()
        };
        assert_eq!(empty, described);
    }

    #[test]
    fn everything_can_be_said() {
        let text = "rules = ['cap 1 per artist', 'filter track.year > 1990']
            [sources]\ntaste = 2.0\npopular = 0\n[ranking]\nby = 'blend'\ncandidates = 50
            [list]\ndiversify = 'dpp'\nrepeat_hours = 24\n[controls]\npopularity = -0.5\n[budgets]\nranking = 5";
        let definition = PipelineDefinition::parse(text).unwrap();
        assert_eq!(definition.rules.len(), 2);
        assert_eq!(definition.ranking.by, RankBy::Blend);
        assert_eq!(definition.list.diversify, Diversify::Dpp);
        assert!(definition.leaves_out(Source::Popular) && !definition.leaves_out(Source::Taste));
        let blend = definition.blend(&BlendWeights::default());
        assert_eq!((blend.taste, blend.popular), (2.0, 0.0));
        assert_eq!(blend.session, BlendWeights::default().session);
        assert!(!definition.is_of_trends());
        let trends = PipelineDefinition::parse("[sources]\npopular = 0\ntrending = 2").unwrap();
        assert!(trends.is_of_trends());
        let shelf = PipelineDefinition::trending();
        assert!(shelf.is_of_trends() && shelf.leaves_out(Source::Taste) && shelf.rules.len() == 1);
        assert_eq!(
            definition.budgets.deadline(Stage::Ranking),
            Duration::from_millis(55)
        );
        assert!(definition.adjusts());
    }

    #[test]
    fn objectives_are_those_that_have_a_say() {
        let built_in = PipelineDefinition::default();
        let told = |definition: &PipelineDefinition, controls: &Controls| -> Vec<(&str, f32)> {
            let objectives = definition.objectives(controls).into_iter();
            objectives.map(|one| (one.name, one.weight)).collect()
        };
        let neutral = Controls::default();
        assert_eq!(told(&built_in, &neutral), [("relevance", 1.0)]);
        let varied = built_in.with_diversity(0.25);
        assert_eq!(varied.list.diversify, Diversify::Mmr);
        let new = Controls {
            familiarity: -0.5,
            freshness: -1.0,
            ..neutral
        };
        let expected = [
            ("relevance", 0.75),
            ("diversity", 0.25),
            ("novelty", 0.5),
            ("freshness", -1.0),
        ];
        assert_eq!(told(&varied, &new), expected);
        assert_eq!(
            told(&built_in.with_diversity(0.0), &neutral),
            [("relevance", 1.0)]
        );
    }

    #[test]
    fn errors_name_line_and_column() {
        let rules = vec!["'cap 1 per artist'"; limits::RULES_MAX + 1].join(",");
        for (text, line, column, part) in [
            ("[list]\ndiversity = 2.0", 2, 1, "must be in 0 to 1"),
            ("[list]\ndiversity = nan", 2, 1, "must be in 0 to 1"),
            (
                "[controls]\n  popularity = -1.5",
                2,
                3,
                "must be in -1 to 1",
            ),
            ("[exploration]\nswap = 0.6", 2, 1, "must be in 0 to 0.5"),
            ("[exploration]\n\ndraw = nan", 3, 1, "must be in 0 to 1"),
            ("[exploration]\ndraw_after = -1", 2, 14, ""),
            ("[ranking]\ncandidates = 0", 2, 1, "must be in 1 to"),
            ("[sources]\ntaste = -1", 2, 1, "must be in 0 to 100"),
            ("[sources]\ngenre = 1", 2, 1, "genre"),
            ("[sources]\nfresh = 'x'", 2, 9, "a weight, or a table"),
            (
                "[sources]\n\ntaste = { count = 0 }",
                3,
                1,
                "must be in 1 to 2000",
            ),
            (
                "[sources]\nfamiliar = { weight = 101 }",
                2,
                1,
                "must be in 0 to 100",
            ),
            ("[lists]\n", 1, 2, "lists"),
            ("rules = [\n  \"cap x per artist\"\n]", 2, 8, "whole number"),
            ("rules = ['filter track.colour']", 1, 18, "no field"),
            ("= 1", 1, 1, ""),
            (&format!("rules = [{rules}]"), 1, 1, "at most 64"),
        ] {
            let error = PipelineDefinition::parse(text).expect_err(text);
            assert_eq!(
                (error.line, error.column),
                (line, column),
                "{text}: {error}"
            );
            assert!(error.reason.contains(part), "{text}: {error}");
        }
    }
}
