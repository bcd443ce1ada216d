//! Matrix factorisation with an exact fold-in of the listener as they are now.

use crate::candidates::Offer;
use crate::candidates::best::Best;
use crate::error::Result;
use crate::explain::Source;
use crate::model::RecommenderModel;
use crate::view::TenantView;

/// Scores every track of the model, and those that were mapped to its factors, by the listener's factor,
/// solved for this very request: a play or a skip a moment ago is in it.
///
/// - `entries`: columns of the model with the listener's signal.
/// - Cost: O(entries·f² + f³ + items·f), mapped ones among the items.
pub fn taste(
    view: &TenantView,
    model: &RecommenderModel,
    entries: &[(usize, f32)],
    count: usize,
) -> Result<Offer> {
    let factor = model.taste.fold_in(entries)?;
    let mut scores = vec![0.0; model.items.len()];
    model.taste.score(&factor, &mut scores);
    let mut best = Best::new(count);
    for (column, index) in view.columns() {
        best.tell(index as u32, scores[column]);
    }
    for (index, mapped) in view.mapped() {
        best.tell(index, mapped.iter().zip(&factor).map(|(a, b)| a * b).sum());
    }
    Ok(Offer::of_best(Source::Taste, best, |_| None))
}
