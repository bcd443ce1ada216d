//! Playlists.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::InvalidValue;
use crate::ids::{ListenerId, PlaylistId, TrackId};
use crate::limits;
use crate::track::check_text;

/// An ordered list of tracks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playlist {
    /// Its id.
    pub id: PlaylistId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whose it is; `None` for the tenant's own.
    pub owner: Option<ListenerId>,
    /// The tracks in order; a track may appear twice.
    pub tracks: Vec<TrackId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Playlist {
    /// Checks every bound.
    ///
    /// - Errors: [`InvalidValue`] naming the first field that is wrong.
    pub fn check(&self) -> Result<(), InvalidValue> {
        if self.name.trim().is_empty() {
            return Err(InvalidValue::new("name", "must not be empty"));
        }
        check_text("name", &self.name)?;
        check_text("description", &self.description)?;
        if self.tracks.len() > limits::PLAYLIST_TRACKS_MAX {
            let reason = format!(
                "{} tracks, at most {}",
                self.tracks.len(),
                limits::PLAYLIST_TRACKS_MAX
            );
            return Err(InvalidValue::new("tracks", reason));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_playlist_is_checked_at_the_bound() {
        let mut playlist = Playlist {
            id: PlaylistId::from_u128(1),
            name: "morning".to_owned(),
            description: String::new(),
            owner: None,
            tracks: vec![TrackId::from_u128(1); limits::PLAYLIST_TRACKS_MAX],
            created_at: Timestamp::from_ms(0),
            updated_at: Timestamp::from_ms(0),
        };
        assert!(playlist.check().is_ok());
        playlist.tracks.push(TrackId::from_u128(1));
        assert_eq!(playlist.check().unwrap_err().field, "tracks");
        playlist.tracks.clear();
        playlist.name.clear();
        assert_eq!(playlist.check().unwrap_err().field, "name");
    }
}
