//! The tracks list in the order of a descriptor.

use leitmotif_domain::page::Page;
use leitmotif_domain::track::Track;
use leitmotif_recommend::search::{SortOrder, SortPlace};
use leitmotif_storage::ports::TrackFilter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tracks::{TrackAnswer, TrackQuery, TracksAnswer};
use crate::paging::{Listing, PageQuery};
use crate::problem::Problem;

/// Which way an order runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortDirection {
    /// The least first.
    #[default]
    Asc,
    /// The greatest first.
    Desc,
}

/// The order of a listing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SortAnswer {
    /// The descriptor.
    pub by: String,
    /// Which way it runs.
    pub order: SortDirection,
    /// The value of each track of the page; `null` where it is not known, which come last either way.
    pub values: Vec<Option<f32>>,
}

/// Reads the order asked for.
///
/// - Errors: 400 for a direction of no order.
pub(super) fn order_of(query: &TrackQuery) -> Result<Option<SortOrder>, Problem> {
    let by = query.sort.as_deref().map(str::trim);
    let Some(by) = by.filter(|by| !by.is_empty()) else {
        return match query.order {
            Some(_) => Err(Problem::invalid(
                "?order",
                "there is no `sort` that it is of",
            )),
            None => Ok(None),
        };
    };
    Ok(Some(SortOrder {
        by: by.to_owned(),
        is_descending: query.order == Some(SortDirection::Desc),
    }))
}

/// A page in that order.
///
/// - Cost: ids of all tracks that the filter shows, and what `Searcher::sorted` costs.
pub(super) async fn sorted(
    listing: &Listing<'_>,
    filter: &TrackFilter,
    order: SortOrder,
    asked: &PageQuery,
) -> Result<TracksAnswer, Problem> {
    let (state, scope) = (listing.state, listing.scope);
    let request = listing.request(asked)?;
    let after = request.after.as_deref().map(SortPlace::of_key);
    let after = after
        .transpose()
        .map_err(|error| Problem::invalid("?cursor", error.reason))?;
    let among = state.catalog.track_ids(scope, filter).await?;
    let count = request.limit() + 1;
    let (by, is_descending) = (order.by.clone(), order.is_descending);
    let places = state.search.sorted(scope, order, among, after, count).await;
    let places = places.map_err(|error| match error {
        leitmotif_recommend::Error::Invalid(name) => Problem::invalid("?sort", name.reason),
        other => other.into(),
    })?;
    let page = Page::from_surplus(places, request.limit(), SortPlace::key);
    let ids: Vec<_> = page.items.iter().map(|place| place.track).collect();
    let tracks = state.catalog.tracks(scope, &ids).await?;
    let value = |track: &Track| {
        let place = page.items.iter().find(|place| place.track == track.id);
        place.and_then(|place| place.value)
    };
    let order = match is_descending {
        true => SortDirection::Desc,
        false => SortDirection::Asc,
    };
    Ok(TracksAnswer {
        sort: Some(SortAnswer {
            by,
            order,
            values: tracks.iter().map(value).collect(),
        }),
        tracks: tracks.into_iter().map(TrackAnswer::from).collect(),
        page: listing.info(&page),
    })
}
