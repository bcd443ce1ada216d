//! The home of a listener: shelves in order, each a list with its own request id.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::recommendations::{RecommendAnswer, RecommendInput, recommend};
use crate::middleware::auth::ReadAccess;
use crate::middleware::body::{JsonBody, QueryParameters};
use crate::problem::{Problem, ProblemDocument};
use crate::state::ApiState;

/// Tracks on a shelf when nothing is said.
const COUNT_DEFAULT: usize = 12;
/// Most tracks on a shelf: a shelf is looked over, not read.
const COUNT_MAX: usize = 50;
/// Layouts, between which listeners are divided evenly.
const LAYOUTS: [&str; 2] = ["known_first", "new_first"];

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
}

/// A home.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HomeAnswer {
    /// What the shelves are made for.
    pub objectives: [&'static str; 3],
    /// `known_first` or `new_first`; a listener keeps theirs.
    pub layout: &'static str,
    /// The shelves in order; one that has nothing is left out.
    pub shelves: Vec<ShelfAnswer>,
}

/// A shelf.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShelfAnswer {
    /// Its name: `for_you`, `familiar`, `discover`, `new`, `popular`.
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
}

impl Shelf {
    fn name(self) -> &'static str {
        match self {
            Self::ForYou => "for_you",
            Self::Familiar => "familiar",
            Self::Discover => "discover",
            Self::New => "new",
            Self::Popular => "popular",
        }
    }

    /// The request that fills it. A track stands on one shelf only.
    fn request(self, listener: Option<&str>, count: usize, taken: &[String]) -> RecommendInput {
        let mut input = RecommendInput {
            listener: listener.map(str::to_owned),
            count: Some(count),
            placement: Some(format!("home.{}", self.name())),
            exclude: taken.to_vec(),
            ..RecommendInput::default()
        };
        match self {
            Self::ForYou => {}
            Self::Familiar => {
                input.familiarity = Some(1.0);
                input.include_heard = true;
            }
            Self::Discover => input.familiarity = Some(-1.0),
            Self::New => input.freshness = Some(1.0),
            Self::Popular => input.popularity = Some(1.0),
        }
        input
    }
}

/// Shelves of a listener in the order of their layout. Nobody known gets what needs no history.
fn shelves(is_known: bool, layout: &str) -> &'static [Shelf] {
    use Shelf::{Discover, Familiar, ForYou, New, Popular};
    match (is_known, layout) {
        (false, _) => &[Popular, New],
        (true, "new_first") => &[ForYou, Discover, New, Familiar, Popular],
        (true, _) => &[ForYou, Familiar, Popular, Discover, New],
    }
}

/// Makes the home of a listener.
///
/// Each shelf is a list of its own placement, `home.<name>`, so a pipeline can shape it, and has its own
/// exposures. No track stands on two shelves. Which layout a listener gets is a hash of their name.
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
    let unit = listener.unwrap_or_default();
    let chosen = leitmotif_domain::bucket::choose("home layout", unit, &[1; LAYOUTS.len()]);
    let layout = chosen
        .and_then(|at| LAYOUTS.get(at))
        .copied()
        .unwrap_or(LAYOUTS[0]);
    let mut answer = HomeAnswer {
        objectives: ["relevance", "diversity", "novelty"],
        layout,
        shelves: Vec::new(),
    };
    let mut taken: Vec<String> = Vec::new();
    for shelf in shelves(listener.is_some(), layout) {
        let input = shelf.request(listener, count, &taken);
        let placement = input.placement.clone().unwrap_or_default();
        let asked = (State(state.clone()), access.clone(), JsonBody(input));
        let Json(list) = recommend(asked.0, asked.1, asked.2).await?;
        if list.tracks.is_empty() {
            continue;
        }
        taken.extend(list.tracks.iter().map(|track| track.id.clone()));
        answer.shelves.push(ShelfAnswer {
            name: shelf.name(),
            placement,
            list,
        });
    }
    Ok(Json(answer))
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
            assert_eq!((names.len(), distinct.len()), (5, 5));
            assert_eq!(names[0], "for_you");
        }
        let place = |layout, shelf| shelves(true, layout).iter().position(|one| *one == shelf);
        assert!(place("known_first", Shelf::Familiar) < place("known_first", Shelf::Discover));
        assert!(place("new_first", Shelf::Discover) < place("new_first", Shelf::Familiar));
    }

    #[test]
    fn every_home_fits_into_what_a_request_may_exclude() {
        const { assert!(COUNT_MAX * 5 <= super::super::REFERENCES_MAX) };
    }
}
