//! Ids elsewhere that several tracks carry. An external id names one track here, so the others keep a mark
//! of it instead: under the namespace `shared-NAMESPACE`, the id, `#`, and what tells the track apart.

use std::collections::BTreeMap;

use crate::limits;
use crate::track::{NAMESPACE_CHARS_MAX, TrackDetails};

const PREFIX: &str = "shared-";

/// Marks that a track carries an id that another track owns. `own` is what tells this one apart from
/// others that carry it too, and stays the same when the track is imported again.
///
/// A mark beyond the bounds of external ids is left out: the id is then only in the report of its import.
pub fn mark_shared(details: &mut TrackDetails, namespace: &str, id: &str, own: &str) {
    let (name, value) = mark_of(namespace, id, own);
    let is_bounded = name.len() <= NAMESPACE_CHARS_MAX
        && value.len() <= limits::NAME_BYTES_MAX
        && details.external_ids.len() < limits::EXTERNAL_IDS_MAX;
    if is_bounded {
        let ids = &mut details.external_ids;
        ids.insert(name, value);
    }
}

/// The mark of an id that another track owns: the namespace and the id it stands as.
pub fn mark_of(namespace: &str, id: &str, own: &str) -> (String, String) {
    (format!("{PREFIX}{namespace}"), format!("{id}#{own}"))
}

/// The ids that a track carries and another owns: `(namespace, id)`.
pub fn shared_ids(external_ids: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    external_ids.iter().filter_map(|(name, value)| {
        let namespace = name.strip_prefix(PREFIX)?;
        let (id, _) = value.rsplit_once('#')?;
        Some((namespace, id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_tells_its_id() {
        let mut details = TrackDetails {
            title: "T".to_owned(),
            ..TrackDetails::default()
        };
        mark_shared(&mut details, "spotify", "a#b", "17");
        assert_eq!(details.external_ids["shared-spotify"], "a#b#17");
        details.check().unwrap();
        details
            .external_ids
            .insert("spotify".to_owned(), "own".to_owned());
        let found: Vec<_> = shared_ids(&details.external_ids).collect();
        assert_eq!(found, [("spotify", "a#b")]);
        let long = "x".repeat(limits::NAME_BYTES_MAX);
        mark_shared(&mut details, "isrc", &long, "17");
        details.check().unwrap();
    }
}
