//! Search by words and embeddings: which leg finds what, what the blend adds, and how fast.

mod queries;
mod world;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Instant;

use leitmotif_analysis::lyrics::embedding::embed;
use leitmotif_learn::rank_metrics::{ndcg_at, reciprocal_rank_at};
use leitmotif_learn::retrieval::{
    Blend, BlendQuery, DescriptorWord, DescriptorWords, LEG_NAMES, LegScores, QueryOptions,
    SearchScratch, TextDocument, TextIndex, assemble, tokenize,
};
use leitmotif_vectors::{Index, IndexOptions, Metric, SearchOptions};
use serde_json::{Value, json};

use self::queries::{KINDS, MadeQuery, make};
use self::world::World;
use crate::random::Random;

/// Candidates of each leg, as the product takes them.
const CANDIDATES: usize = 200;
const NEIGHBOURS: usize = 100;
/// Depth to which lists are judged.
const K: usize = 10;

/// Choices of the measurement.
#[derive(clap::Args)]
pub struct Args {
    /// Tracks in the index.
    #[arg(long, default_value_t = 20_000)]
    tracks: usize,
    /// Queries of each kind to fit on, and as many to judge on, from other tracks.
    #[arg(long, default_value_t = 200)]
    queries: usize,
    /// Seed of catalogue and queries.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Leaves the embeddings out: for a million tracks they take memory and minutes to build.
    #[arg(long)]
    words_only: bool,
}

struct Built {
    world: World,
    text: TextIndex,
    vectors: Option<Index>,
    tempo_bpm: Vec<f32>,
    year: Vec<u16>,
    of_subject: HashMap<usize, Vec<usize>>,
    same_title: HashMap<String, Vec<usize>>,
}

/// Builds, fits on one half of the queries, judges on the other.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let started = Instant::now();
    let built = build(args)?;
    let build_s = started.elapsed().as_secs_f64();
    let mut random = Random(args.seed ^ 0x5EED);
    let half = args.tracks / 2;
    let mut draw = |from: usize| -> Vec<MadeQuery> {
        let kinds = (0..args.queries).flat_map(|_| 0..KINDS.len());
        kinds
            .map(|kind| make(&built.world, from + random.index(half), kind, &mut random))
            .collect()
    };
    let (fit, judge) = (draw(0), draw(half));
    let mut scratch = SearchScratch::default();
    let mut fitted_on = Vec::new();
    for query in &fit {
        let (candidates, _) = answer(&built, query, &mut scratch)?;
        let relevant = built.relevant(query);
        fitted_on.push(BlendQuery {
            relevant: candidates
                .keys()
                .map(|id| relevant.contains(&(*id as usize)))
                .collect(),
            candidates: candidates.into_values().collect(),
        });
    }
    let blend = Blend::fit(&fitted_on);
    let mut judged = Judged::default();
    for query in &judge {
        let (candidates, took_ms) = answer(&built, query, &mut scratch)?;
        judged.add(
            &candidates,
            &built.relevant(query),
            query.kind,
            &blend,
            took_ms,
        );
    }
    Ok(judged.report(args, &built, &blend, build_s))
}

fn build(args: &Args) -> anyhow::Result<Built> {
    let world = World::new(args.tracks, args.seed);
    let mut text = TextIndex::new();
    let mut flat: Vec<f32> = Vec::new();
    let (mut tempo_bpm, mut year) = (Vec::new(), Vec::new());
    let mut same_title: HashMap<String, Vec<usize>> = HashMap::new();
    let mut of_subject: HashMap<usize, Vec<usize>> = HashMap::new();
    for number in 0..args.tracks {
        let track = world.track(number);
        let lyrics = world.verse(&track.lyrics);
        text.put(
            number as u128,
            &TextDocument {
                title: &track.title,
                artist: &track.artist,
                release: &track.release,
                genres: &[track.genre],
                lyrics: &lyrics,
            },
        );
        if !args.words_only {
            flat.extend(words_vector(&lyrics));
        }
        tempo_bpm.push(track.tempo_bpm);
        year.push(track.year);
        of_subject.entry(track.subject).or_default().push(number);
        same_title.entry(track.title).or_default().push(number);
    }
    text.compact();
    let vectors = match flat.len() / args.tracks.max(1) {
        0 => None,
        dimension => {
            let mut index = Index::new(dimension, Metric::Cosine, IndexOptions::default())?;
            let items = flat.chunks(dimension).enumerate();
            index.build_parallel(items.map(|(id, vector)| (id as u128, vector)), 0)?;
            Some(index)
        }
    };
    Ok(Built {
        world,
        text,
        vectors,
        tempo_bpm,
        year,
        of_subject,
        same_title,
    })
}

/// The embedding of sung words, or of a query in their space: style is left open.
fn words_vector(text: &str) -> Vec<f32> {
    let words = tokenize(text);
    embed(words.iter().map(|token| token.text.as_str()), &[])
}

/// The candidates of a query with what each leg says, as the product gathers them, and how long that
/// took.
fn answer(
    built: &Built,
    made: &MadeQuery,
    scratch: &mut SearchScratch,
) -> anyhow::Result<(BTreeMap<u128, LegScores>, f64)> {
    let started = Instant::now();
    let parsed = DescriptorWords::parse(&made.text, &|_| false);
    let admits = |id: u128| {
        let track = id as usize;
        parsed.found.iter().all(|(word, _)| match word {
            DescriptorWord::TempoBpm(from, to) => (from..=to).contains(&&built.tempo_bpm[track]),
            DescriptorWord::Year(from, to) => (from..=to).contains(&&built.year[track]),
            _ => true,
        })
    };
    let options = QueryOptions {
        with_lyrics: true,
        is_typing: true,
    };
    let query = built.text.query(&parsed.rest, options);
    let hits = built.text.search(&query, CANDIDATES, &admits, scratch);
    let (mut meaning, mut likeness) = (Vec::new(), Vec::new());
    if let Some(vectors) = &built.vectors {
        let search = SearchOptions {
            filter: Some(&admits),
            ..SearchOptions::default()
        };
        let asked = words_vector(&parsed.rest);
        if asked.iter().any(|value| *value != 0.0) {
            let near = vectors.search(&asked, NEIGHBOURS, &search)?;
            meaning.extend(near.iter().map(|near| (near.id, 1.0 - near.distance)));
        }
        let mut near_seeds: BTreeMap<u128, f32> = BTreeMap::new();
        for (seed, share) in Blend::SHIPPED.seeds(&hits) {
            if let Some(vector) = vectors.get(seed) {
                let near = vectors.search(&vector, NEIGHBOURS, &search)?.into_iter();
                for near in near.filter(|near| near.id != seed) {
                    *near_seeds.entry(near.id).or_default() += share * (1.0 - near.distance);
                }
            }
        }
        likeness.extend(near_seeds);
    }
    let candidates = assemble(&built.text, &query, &hits, &meaning, &likeness);
    let ranked = Blend::SHIPPED.rank(&candidates);
    std::hint::black_box(ranked);
    Ok((candidates, started.elapsed().as_secs_f64() * 1_000.0))
}

impl Built {
    /// What answers a query: the track; every one of its title, when only that was asked.
    fn relevant(&self, query: &MadeQuery) -> HashSet<usize> {
        if query.kind == 0 {
            let title = self.world.track(query.track).title;
            return self.same_title[&title].iter().copied().collect();
        }
        if query.kind == 3 {
            // An artist and a property: every track of both answers.
            let of = |track: usize| self.world.track(track).artist;
            let artist = of(query.track);
            let index = QueryOptions {
                with_lyrics: false,
                is_typing: false,
            };
            let asked = self.text.query(&artist, index);
            let hits =
                self.text
                    .search(&asked, CANDIDATES, &|_| true, &mut SearchScratch::default());
            let tempo = query.tempo_bpm;
            let is_near =
                |t: usize| tempo.is_none_or(|bpm| (self.tempo_bpm[t] / bpm - 1.0).abs() <= 0.04);
            let is_of = |t: usize| query.year.is_none_or(|year| self.year[t] == year);
            let mut all: HashSet<usize> = hits.iter().map(|hit| hit.id as usize).collect();
            all.retain(|&t| is_near(t) && is_of(t) && of(t) == artist);
            all.insert(query.track);
            return all;
        }
        if query.kind == 4 {
            let subject = self.world.track(query.track).subject;
            return self.of_subject[&subject].iter().copied().collect();
        }
        HashSet::from([query.track])
    }
}

/// One query under one order.
struct Row {
    kind: usize,
    mrr: f64,
    ndcg: f64,
}

#[derive(Default)]
struct Judged {
    /// By leg, then blends; each with the kind, MRR and NDCG of every query.
    rows: BTreeMap<&'static str, Vec<Row>>,
    took_ms: Vec<f64>,
}

impl Judged {
    fn add(
        &mut self,
        candidates: &BTreeMap<u128, LegScores>,
        relevant: &HashSet<usize>,
        kind: usize,
        fitted: &Blend,
        took_ms: f64,
    ) {
        let mut add = |name: &'static str, ranked: Vec<usize>| {
            let row = Row {
                kind,
                mrr: reciprocal_rank_at(&ranked, relevant, K),
                ndcg: ndcg_at(&ranked, relevant, K),
            };
            self.rows.entry(name).or_default().push(row);
        };
        for (leg, name) in LEG_NAMES.iter().enumerate() {
            let mut scored: Vec<(f32, usize)> = (candidates.iter())
                .map(|(id, legs)| (legs.as_array()[leg], *id as usize))
                // What a leg did not find is not in its list.
                .filter(|(score, _)| *score > 0.0)
                .collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            add(name, scored.into_iter().map(|(_, id)| id).collect());
        }
        for (name, blend) in [("blend_fitted", fitted), ("blend_shipped", &Blend::SHIPPED)] {
            let ranked = blend.rank(candidates).into_iter();
            add(name, ranked.map(|(id, _)| id as usize).collect());
        }
        self.took_ms.push(took_ms);
    }

    fn report(mut self, args: &Args, built: &Built, fitted: &Blend, build_s: f64) -> Value {
        self.took_ms.sort_by(f64::total_cmp);
        let percentile = |share: f64| {
            let at = ((self.took_ms.len() as f64 * share).ceil() as usize).max(1);
            self.took_ms.get(at - 1).copied().unwrap_or_default()
        };
        let mut legs = serde_json::Map::new();
        for (name, rows) in &self.rows {
            let mean = |of: &dyn Fn(&Row) -> Option<f64>| {
                let values: Vec<f64> = rows.iter().filter_map(of).collect();
                values.iter().sum::<f64>() / values.len().max(1) as f64
            };
            let mut row = serde_json::Map::new();
            row.insert("mrr@10".to_owned(), json!(mean(&|row| Some(row.mrr))));
            row.insert("ndcg@10".to_owned(), json!(mean(&|row| Some(row.ndcg))));
            for (kind, of_kind) in KINDS.iter().enumerate() {
                let mrr = mean(&|row| (row.kind == kind).then_some(row.mrr));
                row.insert(format!("mrr_{of_kind}"), json!(mrr));
            }
            println!("{name:14} {}", Value::Object(row.clone()));
            legs.insert((*name).to_owned(), Value::Object(row));
        }
        let bytes = built.text.memory_bytes();
        json!({
            "tracks": args.tracks,
            "queries_judged": self.took_ms.len(),
            "with_vectors": built.vectors.is_some(),
            "legs": legs,
            "weights_fitted": fitted.weights(),
            "weights_shipped": Blend::SHIPPED.weights(),
            "p50_ms": percentile(0.5),
            "p99_ms": percentile(0.99),
            "max_ms": percentile(1.0),
            "terms": built.text.term_count(),
            "index_bytes_per_track": bytes as f64 / args.tracks as f64,
            "vector_bytes_per_track": built.vectors.as_ref()
                .map(|index| index.memory_bytes() as f64 / args.tracks as f64),
            "build_s": build_s,
        })
    }
}
