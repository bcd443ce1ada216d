//! Listening histories of other services, and playlists from files.
