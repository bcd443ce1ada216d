//! Which row of a table owns an id that several rows name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use leitmotif_domain::shared_id::mark_shared;
use leitmotif_domain::track::TrackDetails;

use super::table::{TableTrack, row_id_of};

/// Gives an id that several rows name to the first of them. A later row about the same song renews its
/// track; one about another song is a track of its own, which only carries a mark of the id.
///
/// - Memory: an entry for each id that was named.
#[derive(Debug, Default)]
pub struct RowClaims {
    owners: HashMap<(String, String), Owner>,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    line: u64,
    song: u64,
}

/// What came of the ids of a row.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Whether the row is about the track of a row before.
    pub is_renewal: bool,
    /// What was not given to it, in words.
    pub refused: Vec<String>,
}

impl RowClaims {
    /// Leaves a row the ids that are its own.
    pub fn settle(&mut self, line: u64, track: &mut TableTrack) -> Claimed {
        let song = song_of(&track.details);
        let mut claimed = Claimed::default();
        let mut taken = Vec::new();
        for (namespace, id) in &track.details.external_ids {
            let owner = self
                .owners
                .entry((namespace.clone(), id.clone()))
                .or_insert(Owner { line, song });
            if owner.song != song {
                taken.push((namespace.clone(), id.clone(), owner.line));
            } else if owner.line != line {
                claimed.is_renewal = true;
            }
        }
        for (namespace, _, _) in &taken {
            track.details.external_ids.remove(namespace);
        }
        let own = row_id_of(&track.details, track.lyrics.as_deref());
        for (namespace, id, owner) in taken {
            mark_shared(&mut track.details, &namespace, &id, &own);
            let id: String = id.chars().take(64).collect();
            claimed.refused.push(format!(
                "`{namespace}:{id}` names another song in line {owner}: a track of its own without it"
            ));
        }
        claimed
    }
}

/// Tells songs apart as people do: by title and artist, however they are cased and spaced.
fn song_of(details: &TrackDetails) -> u64 {
    let mut hasher = DefaultHasher::new();
    for text in [&details.title, &details.artist] {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        words.hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::table::map_row;
    use super::*;

    #[test]
    fn an_id_is_of_the_first_song_that_names_it() {
        let mut claims = RowClaims::default();
        let mut settled = |line: u64, title: &str, id: &str| {
            let row = json!({"title": title, "artist": "A", "external_ids": {"spotify": id}});
            let Value::Object(row) = row else {
                panic!("no row");
            };
            let mut track = map_row(&row, &mut Default::default()).unwrap();
            let claimed = claims.settle(line, &mut track);
            (claimed, track.details.external_ids)
        };
        let (first, ids) = settled(2, "One", "s1");
        assert_eq!((first, ids["spotify"].as_str()), (Claimed::default(), "s1"));
        let (again, ids) = settled(3, "ONE ", "s1");
        assert!(again.is_renewal && again.refused.is_empty());
        assert_eq!(ids["spotify"], "s1");
        let (other, ids) = settled(4, "Two", "s1");
        assert!(!other.is_renewal && other.refused[0].contains("line 2"));
        assert!(!ids.contains_key("spotify"));
        let (third, others) = settled(5, "Three", "s1");
        assert_eq!(third.refused.len(), 1);
        assert_ne!(ids, others, "each is a track of its own");
        let (_, again) = settled(4, "Two", "s1");
        assert_eq!(ids, again, "and the same when it is read again");
    }
}
