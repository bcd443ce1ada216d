//! Every bound of the platform, with its reason. At a bound: a clear error, nothing lost.

/// Longest external id, listener name, title, artist or album in bytes; real catalogues stay under
/// 400, and rows stay far below an SQLite page run.
pub const NAME_BYTES_MAX: usize = 1_024;
/// Highest position on a release.
pub const TRACK_NUMBER_MAX: u32 = 100_000;
/// Most external ids kept beside one track.
pub const EXTERNAL_IDS_MAX: usize = 32;
/// Most tags on a track.
pub const TAGS_MAX: usize = 64;
/// Longest lyrics in bytes; the longest song texts known are under 60 KB.
pub const LYRICS_BYTES_MAX: usize = 512 * 1024;
/// Largest JSON body of an ordinary route.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Largest body of a bulk NDJSON route, read as a stream.
pub const BULK_BODY_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Largest audio file accepted by upload: four hours of 24-bit 96 kHz stereo are 8 GB, an album
/// side in FLAC is under 2 GiB.
pub const AUDIO_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Largest chunk read from an upload before it is written down.
pub const UPLOAD_CHUNK_BYTES_MAX: usize = 1024 * 1024;
/// Deepest nesting of a JSON body; `serde_json` itself stops at 128.
pub const JSON_DEPTH_MAX: usize = 64;
/// Most events in one batch.
pub const EVENTS_PER_BATCH_MAX: usize = 5_000;
/// Offsets looked at for one page of the log when only a kind is asked for: some 30 ms of reading.
pub const EVENTS_SCANNED_MAX: u64 = 50_000;
/// Longest wait for the next event in seconds: proxies close what is silent for a minute.
pub const EVENTS_WAIT_S_MAX: u64 = 30;
/// Most told listens in one batch; each may become two events, and both batches stay under the
/// bound of the log.
pub const LISTENS_PER_BATCH_MAX: usize = 2_000;
/// Most words matched with the catalogue in one call: the tracks of a playlist.
pub const MATCHES_PER_BATCH_MAX: usize = 2_000;
/// Most tracks in one JSON upsert.
pub const TRACKS_PER_BATCH_MAX: usize = 2_000;
/// Most statements in one batch.
pub const STATEMENTS_PER_BATCH_MAX: usize = 5_000;
/// Most statements of a track in one answer: nine analyzers with a few versions each are under 50.
pub const STATEMENTS_PER_TRACK_SHOWN: usize = 500;
/// Longest content of one statement in bytes; the longest known answer of a language model is 6 KB.
pub const STATEMENT_BYTES_MAX: usize = 64 * 1024;
/// Longest audit document in bytes; one over twenty tables stays under 200 KB.
pub const AUDIT_BYTES_MAX: usize = 1024 * 1024;
/// Most vectors in one batch: 1,000 of 1,536 components stay under the body bound as JSON text.
pub const VECTORS_PER_BATCH_MAX: usize = 500;
/// Longest line of an imported file in bytes: the longest lyrics with an embedding beside them.
pub const IMPORT_LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most items in one page, and how many come unasked.
pub const PAGE_ITEMS_MAX: usize = 200;
/// Items in a page when the caller does not say.
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Most recommendations or neighbours in one answer.
pub const RECOMMENDATIONS_MAX: usize = 500;
/// Most seeds and exclusions of an answer that are kept with what it showed, 25 bytes each: one list of a request at its bound.
pub const ASKED_TRACKS_MAX: usize = 1_000;
/// Most answers that are worked out again at once: a kilobyte in memory for each, and a millisecond or less.
pub const REPLAYED_ANSWERS_MAX: usize = 10_000;
/// Most tracks in a playlist.
pub const PLAYLIST_TRACKS_MAX: usize = 10_000;
/// Oldest moment an event may claim: listening logs before 2002-10-01 do not exist.
pub const EVENT_OLDEST_MS: i64 = 1_033_410_600_000;
/// How far in the future an event may lie: clocks of players drift.
pub const EVENT_FUTURE_MS_MAX: i64 = 3_600_000;
/// Most scrobbles and judgements of a tenant that wait for their track, some 500 bytes each; beyond
/// it the one with the lowest id is kept in the log only.
pub const WAITING_REPORTS_MAX: usize = 200_000;
/// Longest track: a day.
pub const TRACK_MS_MAX: u32 = 24 * 3_600 * 1_000;
/// Commands waiting for one tenant's writer; at the bound, callers wait for their place.
pub const WRITER_QUEUE_MAX: usize = 1_024;
/// Commands that share one commit at most.
pub const GROUP_COMMIT_MAX: usize = 256;
/// Tenants whose files are open at once.
pub const OPEN_TENANTS_MAX: usize = 256;
/// Longest vector.
pub const VECTOR_DIMENSION_MAX: usize = 4_096;
/// Attempts that may fail before a job is a dead letter.
pub const JOB_ATTEMPTS_MAX: u32 = 4;
/// Attempts that may lose their worker before a job is a dead letter. A server that is stopped says little
/// of the jobs it ran, so it takes more of these than of failures; but a job that takes its process down
/// with it must not be begun for ever.
pub const JOB_LOSSES_MAX: u32 = 16;
/// Longest lease on a job before another worker may take it.
pub const JOB_LEASE_MS: i64 = 60_000;
/// Trials of a search for settings, of each kind: more would choose by chance among equals.
pub const TRAINING_TRIALS_MAX: u32 = 500;
/// Listeners or tracks, whichever are fewer, up to which a training tries EASE: it inverts a matrix of so
/// many rows at every moment it fits at, and two of 3,000² doubles are 144 MB.
pub const EASE_SIDE_MAX: usize = 3_000;
/// Tracks up to which a training tries EASE: the weights of each track take a pass over all plays.
pub const EASE_TRACKS_MAX: usize = 20_000;
/// Sessions that are kept to be compared with a running one, the newest of all. On recorded sessions the next
/// track is among the first 20 for 0.147 of them with 10,000, 0.194 with 50,000, 0.209 with 100,000; but all are
/// read anew as plays grow by one in fifty, and nobody writes meanwhile.
pub const SESSIONS_MAX: usize = 50_000;
/// Tracks whose vectors a training reads to map new tracks to factors; of more every n-th. A map has a few
/// hundred numbers to find, and so many vectors take some 60 MB.
pub const COLD_MAP_TRACKS_MAX: usize = 50_000;
/// Tracks that came after the training and are mapped, the newest: 20,000 of 64 factors are 5 MB, and are
/// looked at for every answer.
pub const MAPPED_TRACKS_MAX: usize = 20_000;
/// Longest search for settings: a day.
pub const TRAINING_SEARCH_S_MAX: u32 = 24 * 3_600;
/// Files seen in one folder scan before it stops with an error.
pub const SCAN_FILES_MAX: usize = 5_000_000;
/// Deepest folder in a scan: a cyclic link ends here even if it escapes the cycle check.
pub const SCAN_DEPTH_MAX: usize = 64;
/// Longest Idempotency-Key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long a stored answer is replayed.
pub const IDEMPOTENCY_MS: i64 = 24 * 3_600 * 1_000;
/// Largest stored answer; a larger one is not replayed and the key says so.
pub const IDEMPOTENCY_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Seconds of audio analysed at most; longer programmes are analysed on their first part. Half an hour of
/// stereo takes some 5 s of one core and 210 MB of address space, of which the signal's spectra are 63 MB.
pub const ANALYSIS_SECONDS_MAX: u32 = 30 * 60;
/// Seconds that are analysed, one after the other where the longer part did not end in time: on a slow or
/// overloaded machine.
pub const ANALYSIS_SECONDS_TRIED: [u32; 3] = [ANALYSIS_SECONDS_MAX, 10 * 60, 2 * 60];
/// Address space of the decoding child in bytes, the binary itself included.
pub const DECODER_MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Wall clock, and processor time, given to one decoding child.
pub const DECODER_MS_MAX: u64 = 10_000;
/// Largest answer of the decoding child.
pub const DECODER_OUTPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Largest text of a definition, such as a pipeline file: a thousand rules fit.
pub const DEFINITION_BYTES_MAX: usize = 256 * 1024;
/// Longest name of a definition.
pub const DEFINITION_NAME_BYTES_MAX: usize = 64;
/// Names of one kind of definition: each is read whenever a tenant is opened.
pub const DEFINITIONS_MAX: usize = 256;
/// Versions of one definition that share the traffic.
pub const DEFINITION_SHARES_MAX: usize = 16;
/// Rules of one pipeline: each is asked of every candidate.
pub const RULES_MAX: usize = 64;
/// Longest rule.
pub const RULE_BYTES_MAX: usize = 2_048;
/// Brackets and negations within each other in one rule.
pub const RULE_DEPTH_MAX: usize = 32;
/// Memory for full traces of answers, of all tenants together: at about 40 KB each, some 1,600 answers.
pub const TRACES_BYTES_MAX: usize = 64 << 20;
/// How long a full trace is kept at most: whoever asks how an answer came about asks soon.
pub const TRACES_KEPT_MS: i64 = 3_600_000;
/// Longest geohash taken in: four characters are a cell of some 39 by 20 km, a town and not a street.
pub const CELL_CHARACTERS_MAX: usize = 4;
/// Features of one view, derived ones included: each is kept for every entity.
pub const FEATURES_PER_VIEW_MAX: usize = 128;
/// Tiles of one window: a year of days.
pub const FEATURE_TILES_MAX: i64 = 400;
/// Features that are columns of one ranker: each is read for every candidate of a request.
pub const FEATURE_COLUMNS_MAX: usize = 64;
/// Entities of one view in memory; beyond it new ones are refused, and the view says so.
pub const FEATURE_ENTITIES_MAX: usize = 1_000_000;
/// Entities or rows of one read of features.
pub const FEATURE_ROWS_MAX: usize = 5_000;
/// Values of one read of features, which is rows by features.
pub const FEATURE_VALUES_MAX: usize = 200_000;
/// Events whose moment has not come yet, by the sender's clock; beyond it the latest is passed over.
pub const FEATURE_EVENTS_AHEAD_MAX: usize = 100_000;
/// Texts that features have seen: artists, devices, contexts; beyond it new ones have no name.
pub const FEATURE_NAMES_MAX: usize = 1_000_000;
/// Events kept for rows by the moment they happened; some 300 bytes each.
pub const FEATURE_EVENTS_SORTED_MAX: usize = 2_000_000;
/// Served rows remembered to be computed anew, of one tenant.
pub const FEATURE_ROWS_SERVED_MAX: usize = 4_096;
/// Most plugins of a tenant: each is a child process more for every track.
pub const PLUGINS_MAX: usize = 16;
/// Longest name of a plugin or of a descriptor of one, in bytes.
pub const PLUGIN_NAME_BYTES_MAX: usize = 32;
/// Largest module of a plugin, its tables included.
pub const PLUGIN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Largest manifest in a module.
pub const PLUGIN_MANIFEST_BYTES_MAX: usize = 64 * 1024;
/// Most descriptors that a plugin tells, or is given.
pub const PLUGIN_DESCRIPTORS_MAX: usize = 32;
/// Most examples of a plugin, all of which are run when it is added.
pub const PLUGIN_EXAMPLES_MAX: usize = 16;
/// Linear memory of a plugin in bytes: ten minutes of mono at 22,050 Hz.
pub const PLUGIN_MEMORY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Largest answer of a plugin.
pub const PLUGIN_OUTPUT_BYTES_MAX: usize = 64 * 1024;
/// Fuel of a plugin before and after the sound, each. A unit is about a nanosecond.
pub const PLUGIN_FUEL: u64 = 1_000_000_000;
/// Fuel of a plugin for a second of sound: some 10 ms, or more than fifty transforms of 1,024 points.
pub const PLUGIN_FUEL_PER_SECOND: u64 = 10_000_000;
/// Wall clock, and processor time, given to the child that runs a plugin on a track: half as much again as half
/// an hour of sound takes that uses all its fuel.
pub const PLUGIN_MS_MAX: u64 = 30_000;
/// Address space of that child in bytes, the binary itself included.
pub const PLUGIN_PROCESS_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Largest order that a child takes: lyrics, escaped, and descriptors.
pub const CHILD_ORDER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Answers that decide the trial of a plugin.
pub const PLUGIN_TRIAL_ANSWERS: u64 = 20;
/// Failures among them that a trial survives.
pub const PLUGIN_TRIAL_FAILURES_MAX: u64 = 2;
/// Tracks of 10,000 that a plugin on trial runs on, in a catalogue large enough.
pub const PLUGIN_TRIAL_SHARE: u32 = 100;
/// Most batches of lyrics of a tenant that wait, each of 5 MB at most.
pub const TEXT_BATCHES_WAITING_MAX: usize = 16;
/// Most webhooks of a tenant: each reads the log for itself.
pub const WEBHOOKS_MAX: usize = 16;
/// Longest address of a webhook in bytes.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2_048;
/// Messages given up that are kept for one webhook; the oldest go first.
pub const DEAD_LETTERS_MAX: usize = 1_000;
/// Attempts to deliver a message before it is given up: with doubled waits from five seconds on they take
/// eleven to 22 minutes, in which a receiver can restart or be repaired.
pub const DELIVERY_ATTEMPTS_MAX: u32 = 8;
/// Messages in a row that are given up before their webhook is paused.
pub const DELIVERY_FAILURES_MAX: u32 = 3;
/// Longest wait for a receiver to take a message.
pub const DELIVERY_MS_MAX: u64 = 10_000;
/// Most bytes read of what a receiver answers; nothing but its status is used.
pub const DELIVERY_ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Deliveries under way at once, of all tenants and of one.
pub const DELIVERIES_MAX: usize = 32;
/// Deliveries of one tenant under way at once.
pub const DELIVERIES_PER_TENANT_MAX: usize = 4;
/// Most listeners named in one batch: names of 100 bytes fill a body of an ordinary route.
pub const BATCH_LISTENERS_MAX: usize = 100_000;
/// Lyrics of one artist that are read to count words: the longest catalogues known are about as large, and so
/// many texts take about two seconds.
pub const VOCABULARY_TRACKS_MAX: usize = 2_000;
/// Longest window in which different words are counted.
pub const VOCABULARY_WINDOW_WORDS_MAX: usize = 1_000_000;
