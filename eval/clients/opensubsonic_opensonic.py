"""Asks a running server what py-opensonic asks of an OpenSubsonic server, and stops at the first answer that is not
as it should be. Writes two plays of the key's owner.

    leitmotif demo &          # prints the address and where the key lies
    python3 eval/clients/opensubsonic_opensonic.py http://127.0.0.1 7700 KEY_FILE

Needs py-opensonic 10.4.
"""

import sys

import libopensonic

host, port, key_file = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with open(key_file) as file:
    client = libopensonic.Connection(host, api_key=file.read().strip(), port=port)


def check(what, holds, answer):
    print(f"{'ok  ' if holds else 'FAIL'} {what}")
    if not holds:
        print(answer)
        sys.exit(1)


check("ping", client.ping(), None)
extensions = client.get_open_subsonic_extensions()
check("extensions name sonicSimilarity", any(one.name == "sonicSimilarity" for one in extensions), extensions)
songs = client.search3("a", song_count=5).song
check("search3 finds songs", len(songs) == 5 and all(song.title for song in songs), songs)
heard = [song for song in songs if song.suffix]
check("songs with a file tell its media type", all(song.content_type for song in heard), heard)
first = songs[0].id
for name, call in {
    "getSimilarSongs": client.get_similar_songs,
    "getSimilarSongs2": client.get_similar_songs2,
}.items():
    found = call(first, count=5)
    check(name, found and all(song.id != first for song in found), found)
near = client.get_sonic_similar_tracks(first, count=5)
check("getSonicSimilarTracks", bool(near), near)
path = client.find_sonic_path(first, songs[-1].id, count=5)
check("findSonicPath", bool(path), path)
check("scrobble", client.scrobble(first), None)
top = [found for song in songs if (found := client.get_top_songs(song.artist, count=5))]
check("getTopSongs answers with played songs", bool(top), songs)
kept = all(song.artist in found[0].artist or found[0].artist in song.artist for found in top for song in found)
check("getTopSongs keeps to the artist", kept and all(len(found) <= 5 for found in top), top)
length_ms = 1_000 * songs[1].duration
for state, position_ms in {"starting": 0, "paused": length_ms // 2, "playing": length_ms // 2, "stopped": length_ms - 500}.items():
    told = client.report_playback(songs[1].id, "song", position_ms, state)
    check(f"reportPlayback, {state}", told, None)
