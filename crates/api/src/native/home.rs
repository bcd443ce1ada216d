//! The home of a listener: shelves in order, each a list with its own request id.

use axum::Json;
use axum::extract::State;
use leitmotif_domain::zone::DayPart;
use leitmotif_domain::{TenantScope, Timestamp};
use leitmotif_recommend::RecommendRequest;
use leitmotif_recommend::layouts::{SampleRatio, drawn_ratio};
use leitmotif_recommend::pipeline::{ShownLayout, TurnedControls};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::objectives::ObjectivesInput;
use super::recommendations::{
    ContextInput, RecommendAnswer, RecommendInput, answered, present, request_of,
};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::QueryParameters;
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Tracks on a shelf when nothing is said.
const COUNT_DEFAULT: usize = 12;
/// Most tracks on a shelf: a shelf is looked over, not read.
const COUNT_MAX: usize = 50;
/// Layouts, between which listeners are divided evenly unless the pipeline of the page learns which is better.
pub const LAYOUTS: [&str; 2] = ["known_first", "new_first"];
/// Probability below which layouts were not shown as they were drawn: what experimenters warn at, so that a page that is looked at
/// every day does not cry wolf.
const MISMATCH_BELOW: f64 = 0.001;
/// The placement whose pipeline is of the whole page.
const PAGE: &str = "home";

/// Whose home.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct HomeQuery {
    /// The name the player uses; left out for nobody known.
    pub listener: Option<String>,
    /// Tracks on a shelf, 1 to 50; 12 when left out.
    #[param(minimum = 1, maximum = 50)]
    pub count: Option<usize>,
    /// Device class; rules of the shelves' placements may ask it and what follows.
    pub device: Option<String>,
    /// Activity, for example `running`.
    pub activity: Option<String>,
    /// Hour of the day where the listener is.
    #[param(minimum = 0, maximum = 23)]
    pub hour: Option<u8>,
    /// Day of the week where the listener is, 1 for Monday.
    #[param(minimum = 1, maximum = 7)]
    pub weekday: Option<u8>,
    /// Where the listener's clock stands, `Europe/Lisbon` or `+02:00`: hour and weekday follow from it
    /// where they are left out.
    pub zone: Option<String>,
    /// Where on earth, coarsely: a geohash of at most four characters.
    pub cell: Option<String>,
    /// What the shelves are to be made for: `relevance:1,diversity:0.5,novelty:0.2,freshness:0.1`, of which any may be left
    /// out. Relevance and diversity (0 to 1) are weights of each other; novelty and freshness (−1 to 1) go before
    /// what a shelf stands for.
    pub objectives: Option<String>,
}

impl HomeQuery {
    /// What it says of the moment.
    fn context(&self) -> ContextInput {
        ContextInput {
            device: self.device.clone(),
            activity: self.activity.clone(),
            hour: self.hour,
            weekday: self.weekday,
            zone: self.zone.clone(),
            cell: self.cell.clone(),
        }
    }
}

/// A home.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HomeAnswer {
    /// What the shelves were made for: the objectives that had a say on one of them; each shelf has its own with weights.
    pub objectives: Vec<&'static str>,
    /// `known_first` or `new_first`; a listener keeps theirs, or keeps it for the day where it is learnt.
    pub layout: &'static str,
    /// Probability of the layout, where it is learnt which is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layout_propensity: Option<f32>,
    /// The shelves in order; one that has nothing is left out.
    pub shelves: Vec<ShelfAnswer>,
    /// The shelves that were left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutAnswer>,
}

/// A shelf that is left out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LeftOutAnswer {
    /// Its name.
    pub name: &'static str,
    /// Its placement.
    pub placement: String,
    /// Why it has nothing.
    pub reason: String,
}

/// A shelf.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShelfAnswer {
    /// Its name: `for_you`, `familiar`, `discover`, `new`, `popular`, `trending`.
    pub name: &'static str,
    /// Its placement; a pipeline of that name makes it.
    pub placement: String,
    /// The list; send its request id with the listens it leads to.
    #[serde(flatten)]
    pub list: RecommendAnswer,
}

/// What is on a shelf.
#[derive(Clone, Copy, PartialEq)]
enum Shelf {
    ForYou,
    Familiar,
    Discover,
    New,
    Popular,
    Trending,
}

impl Shelf {
    fn name(self) -> &'static str {
        match self {
            Self::ForYou => "for_you",
            Self::Familiar => "familiar",
            Self::Discover => "discover",
            Self::New => "new",
            Self::Popular => "popular",
            Self::Trending => "trending",
        }
    }

    fn placement(self) -> String {
        format!("home.{}", self.name())
    }

    /// Where its controls stand unless the pipeline of its placement turns them.
    fn usual_controls(self) -> TurnedControls {
        let mut usual = TurnedControls::default();
        match self {
            Self::ForYou | Self::Trending => {}
            Self::Familiar => usual.familiarity = Some(1.0),
            Self::Discover => usual.familiarity = Some(-1.0),
            Self::New => usual.freshness = Some(1.0),
            Self::Popular => usual.popularity = Some(1.0),
        }
        usual
    }
}

/// Shelves of a listener in the order of their layout. Nobody known gets what needs no history.
fn shelves(is_known: bool, layout: &str) -> &'static [Shelf] {
    use Shelf::{Discover, Familiar, ForYou, New, Popular, Trending};
    match (is_known, layout) {
        (false, _) => &[Popular, Trending, New],
        (true, "new_first") => &[ForYou, Discover, New, Trending, Familiar, Popular],
        (true, _) => &[ForYou, Familiar, Popular, Trending, Discover, New],
    }
}

/// Makes the home of a listener.
///
/// Each shelf is a list of its own placement, `home.<name>`, so a pipeline can shape it, and has its own
/// exposures. No track stands on two shelves. Which layout a listener gets is a hash of their name, unless a pipeline of
/// the placement `home` says `layout = true` under `[exploration]`: then it is the one whose lists are most played to the
/// end at that part of the day, with some chance.
#[utoipa::path(get, path = "/api/v1/home", tag = "recommendations", params(HomeQuery), responses(
    (status = 200, body = HomeAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn home(
    State(state): State<ApiState>,
    access: ReadAccess,
    QueryParameters(query): QueryParameters<HomeQuery>,
) -> Result<Json<HomeAnswer>, Problem> {
    let count = query.count.unwrap_or(COUNT_DEFAULT);
    if count == 0 || count > COUNT_MAX {
        return Err(Problem::invalid(
            "?count",
            format!("{count} is not in 1..={COUNT_MAX}"),
        ));
    }
    let listener = query.listener.as_deref();
    let scope = access.scope();
    let input = RecommendInput {
        listener: query.listener.clone(),
        count: Some(count),
        objectives: (query.objectives.as_deref())
            .map_or(Ok(ObjectivesInput::default()), ObjectivesInput::parse)?,
        context: query.context(),
        ..RecommendInput::default()
    };
    let mut request = request_of(&state, &access, input).await?;
    let layout = layout_for(&state, scope, listener, &request).await?;
    let mut answer = HomeAnswer {
        objectives: Vec::new(),
        layout: layout.name,
        layout_propensity: layout.propensity,
        shelves: Vec::new(),
        left_out: Vec::new(),
    };
    for shelf in shelves(listener.is_some(), layout.name) {
        let asked = RecommendRequest {
            placement: shelf.placement(),
            usual_controls: shelf.usual_controls(),
            include_heard: *shelf == Shelf::Familiar,
            layout: Some(layout),
            ..request.clone()
        };
        let list = answered(&state, scope, asked).await?;
        let (name, placement) = (shelf.name(), shelf.placement());
        if list.tracks.is_empty() {
            let reason = list.shortage.unwrap_or_default();
            answer.left_out.push(LeftOutAnswer {
                name,
                placement,
                reason,
            });
            continue;
        }
        // A track stands on one shelf only.
        request
            .exclude
            .extend(list.tracks.iter().map(|track| track.track));
        let list = present(list, false);
        add_names(&mut answer.objectives, &list);
        answer.shelves.push(ShelfAnswer {
            name,
            placement,
            list,
        });
    }
    Ok(Json(answer))
}

/// Names what a list was made for, each objective once.
fn add_names(names: &mut Vec<&'static str>, list: &RecommendAnswer) {
    for objective in &list.objectives {
        if !names.contains(&objective.name) {
            names.push(objective.name);
        }
    }
}

/// The layout that a listener sees, and how likely it was where it is learnt which is better.
async fn layout_for(
    state: &ApiState,
    scope: &TenantScope,
    name: Option<&str>,
    request: &RecommendRequest,
) -> Result<ShownLayout, Problem> {
    let even = ShownLayout {
        name: layout_of(name.unwrap_or_default()),
        propensity: None,
    };
    let (Some(name), Some(listener)) = (name, request.listener) else {
        return Ok(even);
    };
    let pipeline = state.recommender.pipeline(scope, PAGE, listener).await?;
    let learnt =
        (pipeline.exploration.layout).then(|| state.layouts.choose(scope, name, &request.moment));
    Ok(learnt.flatten().unwrap_or(even))
}

/// What came of each layout.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LayoutsAnswer {
    /// When it was counted, over the 28 days before.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub counted_at: Option<Timestamp>,
    /// The parts of the listeners' day; hours are those of UTC where a request told none.
    pub parts: Vec<LayoutPartAnswer>,
    /// Whether drawn layouts were shown as often as their chances say; left out where fewer than 100 were drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_ratio: Option<SampleRatioAnswer>,
}

/// How often the first layout was shown beside how often it should have been, each listener once for each part of a day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SampleRatioAnswer {
    /// The layout.
    pub layout: &'static str,
    /// Pages looked at, the newest.
    pub trials: u64,
    /// Those in this layout.
    pub observed: u64,
    /// The sum of its chances.
    pub expected: f64,
    /// Pearson's statistic, with one degree of freedom.
    pub chi_square: f64,
    /// Probability of a statistic as large where everything is right.
    pub p: f64,
    /// `as_drawn`, or `mismatch` below a probability of one in a thousand: what came of the layouts is then not to be
    /// trusted.
    pub verdict: &'static str,
}

impl SampleRatioAnswer {
    fn of(found: SampleRatio) -> Self {
        let SampleRatio {
            trials,
            observed,
            expected,
            chi_square,
            p,
        } = found;
        Self {
            layout: LAYOUTS[0],
            trials,
            observed,
            expected,
            chi_square,
            p,
            verdict: if p < MISMATCH_BELOW {
                "mismatch"
            } else {
                "as_drawn"
            },
        }
    }
}

/// What came of each layout in a part of the day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LayoutPartAnswer {
    /// `night`, `morning`, `afternoon` or `evening`.
    pub part: &'static str,
    /// The layouts.
    pub layouts: Vec<LayoutAnswer>,
}

/// What came of a layout in a part of the day.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LayoutAnswer {
    /// The layout.
    pub layout: &'static str,
    /// Shelves shown.
    pub shown: u64,
    /// Shelves that led to a track heard to the end within 24 hours.
    pub played: u64,
    /// Share of the listeners that get it where it is learnt which is better, 0 to 1.
    pub share: f64,
}

/// Tells what came of the layouts of the home page, and which share each has where that is learnt.
#[utoipa::path(get, path = "/api/v1/home/layouts", tag = "recommendations", responses(
    (status = 200, body = LayoutsAnswer),
    (status = "4XX", body = ProblemDocument, content_type = "application/problem+json")))]
pub async fn layouts(
    State(state): State<ApiState>,
    access: ReadAccess,
) -> Result<Json<LayoutsAnswer>, Problem> {
    let table = state.layouts.count(access.scope()).await?;
    let log = state.recommender.stores().log.as_ref();
    let ratio = drawn_ratio(log, access.scope(), LAYOUTS[0]).await?;
    let part = |(at, part): (usize, DayPart)| {
        let weights = table.weights.get(at).map(Vec::as_slice).unwrap_or_default();
        let sum = weights.iter().map(|weight| f64::from(*weight)).sum::<f64>();
        let layouts = LAYOUTS.iter().zip(&table.counts).zip(weights);
        let layouts = layouts.filter_map(|((layout, counts), weight)| {
            let counts = counts.get(at)?;
            Some(LayoutAnswer {
                layout,
                shown: counts.trials,
                played: counts.successes,
                share: f64::from(*weight) / sum,
            })
        });
        LayoutPartAnswer {
            part: part.name(),
            layouts: layouts.collect(),
        }
    };
    Ok(Json(LayoutsAnswer {
        counted_at: table.counted_at,
        parts: DayPart::ALL.into_iter().enumerate().map(part).collect(),
        sample_ratio: ratio.map(SampleRatioAnswer::of),
    }))
}

/// The layout that a hash of their name gives a listener.
fn layout_of(listener: &str) -> &'static str {
    let chosen = leitmotif_domain::bucket::choose("home layout", listener, &[1; LAYOUTS.len()]);
    let layout = chosen.and_then(|at| LAYOUTS.get(at));
    layout.copied().unwrap_or(LAYOUTS[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shelves_are_named_once_and_differ_by_layout() {
        for layout in LAYOUTS {
            let names: Vec<_> = shelves(true, layout)
                .iter()
                .map(|shelf| shelf.name())
                .collect();
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!((names.len(), distinct.len()), (6, 6));
            assert_eq!(names[0], "for_you");
        }
        let place = |layout, shelf| shelves(true, layout).iter().position(|one| *one == shelf);
        assert!(place("known_first", Shelf::Familiar) < place("known_first", Shelf::Discover));
        assert!(place("new_first", Shelf::Discover) < place("new_first", Shelf::Familiar));
    }
}
