"""Asks a running server what spotipy asks of Spotify, and stops at the first answer that is not as it should be.

    leitmotif demo &          # prints the address and where the key lies
    python3 eval/clients/spotify_spotipy.py http://127.0.0.1:7700 KEY_FILE

Needs spotipy 2.26.
"""

import sys

import spotipy

address, key_file = sys.argv[1], sys.argv[2]
with open(key_file) as file:
    client = spotipy.Spotify(auth=file.read().strip(), retries=0)
client.prefix = f"{address}/v1/"


def check(what, holds, answer):
    print(f"{'ok  ' if holds else 'FAIL'} {what}")
    if not holds:
        print(answer)
        sys.exit(1)


first = client.search("a", limit=2)["tracks"]
check("search answers a page", len(first["items"]) == 2 and first["total"] > 2, first)
second = client.next(first)["tracks"]
distinct = {track["id"] for track in first["items"] + second["items"]}
check("next leads to the next page", len(distinct) == 4, second)
back = client.previous(second)["tracks"]
check("previous leads back", back["items"] == first["items"], back)

ids = [track["id"] for track in client.search("a", limit=5)["tracks"]["items"]]
check("track", client.track(ids[0])["id"] == ids[0], ids)
tracks = client.tracks(ids)["tracks"]
check("tracks in the order asked", [track["id"] for track in tracks] == ids, tracks)

features = client.audio_features(ids)
measured = [one for one in features if one]
check("audio features", measured and all(0 < one["tempo"] < 300 for one in measured), features)
ranges = ("danceability", "energy", "acousticness", "instrumentalness", "speechiness")
known = [one[name] for one in measured for name in ranges if one[name] is not None]
check("shares lie in 0 to 1", known and all(0 <= value <= 1 for value in known), known)
analyses = [client.audio_analysis(one["id"]) for one in measured]
check("audio analysis has beats", all(one["beats"] and one["meta"]["timestamp"] for one in analyses), analyses)
# A short song may have no sections that can be told.
told = [section for one in analyses for section in one["sections"]]
check("sections have a loudness", all(section["loudness"] is not None for section in told), told)

asked = {"seed_tracks": ids[:2], "limit": 10, "min_tempo": 90, "max_tempo": 140}
found = client.recommendations(**asked)["tracks"]
tempi = [one["tempo"] for one in client.audio_features([track["id"] for track in found]) if one]
check("recommendations keep to a range of tempo", found and all(90 <= bpm <= 140 for bpm in tempi), tempi)
bars = [one["error_bars"] for one in measured]
check("audio features have error bars", all("confidence" in bar for one in bars for bar in one.values()), bars)
wish = measured[0]["energy"]
found = client.recommendations(seed_tracks=ids[:2], limit=20, target_energy=wish)["tracks"]
energies = [one["energy"] for one in client.audio_features([track["id"] for track in found]) if one]
apart = [abs(energy - wish) for energy in energies if energy is not None]
check("target_energy orders by nearness", apart and apart == sorted(apart), apart)
genres = client.recommendation_genre_seeds()["genres"]
check("genre seeds", isinstance(genres, list), genres)
related = client.artist_related_artists(ids[0])["artists"]
check("related artists", related and all(artist["name"] for artist in related), related)
