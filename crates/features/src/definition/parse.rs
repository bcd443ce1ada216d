//! From the file of a view to what it means.

use std::collections::{BTreeMap, HashMap};

use leitmotif_domain::limits;
use toml::Spanned;

use super::read::{DerivedText, FeatureText, Source, ViewText, duration_ms};
use super::{
    Aggregate, Combination, DefinitionError, Derived, Entity, EventKind, Feature, Field, Filter,
    ValueType, ViewDefinition, Window,
};

/// Most values of a `top_k`.
const TOP_MAX: usize = 100;
/// Events that a rate's prior may count as.
const PRIOR_WEIGHT_MAX: f64 = 1e9;
/// Widths a tile may have unasked, the widest first.
const TILES_MS: [i64; 6] = [86_400_000, 6 * 3_600_000, 3_600_000, 900_000, 60_000, 1_000];
/// Tiles a window has at least where its tile is not given: it is then true to 5 %.
const TILES_WANTED: i64 = 20;

type Result<T> = std::result::Result<T, DefinitionError>;

pub(super) fn view(text: &str) -> Result<ViewDefinition> {
    let source = Source(text);
    let read: ViewText = toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        source.error(span.start, error.message().trim())
    })?;
    let name = read.name.get_ref().clone();
    leitmotif_domain::definition::check_name(&name)
        .map_err(|error| source.error_on(&read.name, format!("`name` {}", error.reason)))?;
    let entity = source.one_of(&read.entity, "entity", &Entity::ALL, |e| e.name())?;
    let ttl_ms = duration(source, "ttl", read.ttl.as_ref())?;
    let join_keys = join_keys_of(source, entity, read.join_keys.as_ref())?;
    let count = read.features.len() + read.derived.len();
    if count == 0 || read.features.is_empty() {
        return Err(source.error(0, "a view has at least one feature"));
    }
    if count > limits::FEATURES_PER_VIEW_MAX {
        let reason = format!(
            "{count} features, at most {}",
            limits::FEATURES_PER_VIEW_MAX
        );
        return Err(source.error(0, reason));
    }
    check_names(source, &read, &join_keys)?;
    let features = read
        .features
        .iter()
        .map(|text| feature(source, entity, text));
    let features: Vec<Feature> = features.collect::<Result<_>>()?;
    let (derived, derived_order) = derived(source, &features, &read.derived)?;
    let columns = features.iter().map(|feature| feature.name.as_str());
    let columns = columns.chain(derived.iter().map(|derived| derived.name.as_str()));
    let services = services_of(source, &read.services, &columns.collect::<Vec<_>>())?;
    Ok(ViewDefinition {
        services,
        push_source: read.push_source.unwrap_or_else(|| name.clone()),
        name,
        description: read.description,
        entity,
        join_keys,
        ttl_ms,
        features,
        derived,
        derived_order,
    })
}

fn check_names(source: Source<'_>, read: &ViewText, join_keys: &[String]) -> Result<()> {
    let mut seen: Vec<&str> = join_keys.iter().map(String::as_str).collect();
    let features = read.features.iter().map(|feature| &feature.name);
    for name in features.chain(read.derived.iter().map(|derived| &derived.name)) {
        let text = name.get_ref().as_str();
        if !is_word(text) {
            let reason = format!("`{text}` is no name: a letter, then letters, digits and _");
            return Err(source.error_on(name, reason));
        }
        if seen.contains(&text) {
            return Err(source.error_on(name, format!("the name `{text}` stands twice")));
        }
        seen.push(text);
    }
    Ok(())
}

/// Columns of each service; `*` stands for all.
fn services_of(
    source: Source<'_>,
    given: &BTreeMap<Spanned<String>, Spanned<Vec<String>>>,
    columns: &[&str],
) -> Result<BTreeMap<String, Vec<usize>>> {
    let mut services = BTreeMap::new();
    for (name, listed) in given {
        if !is_word(name.get_ref()) {
            let reason = format!("`{}` is no name of a service", name.get_ref());
            return Err(source.error_on(name, reason));
        }
        let mut chosen = Vec::new();
        for feature in listed.get_ref() {
            let place = columns.iter().position(|column| column == feature);
            match place {
                Some(place) => chosen.push(place),
                None if feature == "*" => chosen.extend(0..columns.len()),
                None => {
                    let reason = format!("the service lists `{feature}`, which the view lacks");
                    return Err(source.error_on(listed, reason));
                }
            }
        }
        chosen.sort_unstable();
        chosen.dedup();
        if chosen.is_empty() {
            return Err(source.error_on(listed, "a service lists at least one feature, or `*`"));
        }
        services.insert(name.get_ref().clone(), chosen);
    }
    Ok(services)
}

fn is_word(text: &str) -> bool {
    let is_first = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let is_rest = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    is_first && text.len() <= limits::DEFINITION_NAME_BYTES_MAX && text.bytes().all(is_rest)
}

fn join_keys_of(
    source: Source<'_>,
    entity: Entity,
    given: Option<&Spanned<Vec<String>>>,
) -> Result<Vec<String>> {
    let otherwise = entity.join_keys();
    let Some(given) = given else {
        return Ok(otherwise.iter().map(|key| (*key).to_owned()).collect());
    };
    let keys = given.get_ref();
    let is_free = entity == Entity::Named && (1..=2).contains(&keys.len());
    if keys.len() != otherwise.len() && !is_free {
        let reason = format!(
            "`{}` has {} join keys, {} are given",
            entity.name(),
            otherwise.len(),
            keys.len()
        );
        return Err(source.error_on(given, reason));
    }
    if let Some(wrong) = keys.iter().find(|key| !is_word(key)) {
        return Err(source.error_on(given, format!("`{wrong}` is no name")));
    }
    if keys.first() == keys.get(1) && keys.len() == 2 {
        return Err(source.error_on(given, "the two join keys have one name"));
    }
    Ok(keys.clone())
}

fn duration(
    source: Source<'_>,
    what: &str,
    given: Option<&Spanned<String>>,
) -> Result<Option<i64>> {
    let Some(given) = given else { return Ok(None) };
    let length = duration_ms(what, given.get_ref());
    Ok(Some(
        length.map_err(|reason| source.error_on(given, reason))?,
    ))
}

fn feature(source: Source<'_>, entity: Entity, text: &FeatureText) -> Result<Feature> {
    let event = source.one_of(&text.event, "event", &EventKind::ALL, |e| e.name())?;
    check_entity(source, entity, event, text)?;
    check_keys(source, text)?;
    let filter = filter(source, event, text.filter.as_ref())?;
    let aggregate = aggregate(source, event, text)?;
    let window = window(source, &aggregate, text)?;
    if event == EventKind::Push && aggregate != Aggregate::Pushed
        || event != EventKind::Push && aggregate == Aggregate::Pushed
    {
        let reason = "pushed values have `event = \"push\"` and `aggregate = \"pushed\"`";
        return Err(source.error_on(&text.aggregate, reason));
    }
    Ok(Feature {
        name: text.name.get_ref().clone(),
        description: text.description.clone(),
        event,
        filter,
        aggregate,
        window,
    })
}

/// Refuses events that never are of the entity.
fn check_entity(
    source: Source<'_>,
    entity: Entity,
    event: EventKind,
    text: &FeatureText,
) -> Result<()> {
    let fields = event.fields();
    let is_of = event == EventKind::Push
        || match entity {
            Entity::Listener => fields.contains(&Field::Listener),
            Entity::Track => fields.contains(&Field::Track),
            Entity::Artist | Entity::ListenerArtist => fields.contains(&Field::Artist),
            Entity::ContextCell => event == EventKind::Listen,
            Entity::Request => fields.contains(&Field::Request),
            Entity::Named => false,
        };
    if is_of {
        return Ok(());
    }
    let reason = format!("`{}` says nothing of a `{}`", event.name(), entity.name());
    Err(source.error_on(&text.event, reason))
}

/// Refuses keys that the aggregate has no use for, rather than passing over what somebody meant.
fn check_keys(source: Source<'_>, text: &FeatureText) -> Result<()> {
    let name = text.aggregate.get_ref().as_str();
    let used: &[&str] = match name {
        "count" => &["window", "tile"],
        "sum" | "mean" | "distinct" => &["field", "window", "tile"],
        "rate" => &["when", "prior", "prior_weight", "window", "tile"],
        "last" => &["field", "window"],
        "first" => &["field"],
        "top_k" => &["field", "k", "window", "tile"],
        "decayed_sum" => &["field", "half_life"],
        "embedding_mean" => &["space", "window", "tile"],
        _ => &[],
    };
    let given = [
        ("field", text.field.as_ref().map(Spanned::span)),
        ("window", text.window.as_ref().map(Spanned::span)),
        ("tile", text.tile.as_ref().map(Spanned::span)),
        ("when", text.when.as_ref().map(Spanned::span)),
        ("prior", text.prior.as_ref().map(Spanned::span)),
        (
            "prior_weight",
            text.prior_weight.as_ref().map(Spanned::span),
        ),
        ("half_life", text.half_life.as_ref().map(Spanned::span)),
        ("k", text.k.as_ref().map(Spanned::span)),
        ("space", text.space.as_ref().map(Spanned::span)),
    ];
    for (key, span) in given {
        if let Some(span) = span
            && !used.contains(&key)
            && AGGREGATES.contains(&name)
        {
            return Err(source.error(span.start, format!("`{name}` has no `{key}`")));
        }
    }
    Ok(())
}

fn filter(source: Source<'_>, event: EventKind, given: Option<&Spanned<String>>) -> Result<Filter> {
    let Some(given) = given else {
        return Ok(Filter::default());
    };
    Filter::parse(event, given.get_ref())
        .map_err(|error| source.error_within(given, error.at, error.reason))
}

const AGGREGATES: [&str; 11] = [
    "count",
    "sum",
    "mean",
    "rate",
    "distinct",
    "last",
    "first",
    "top_k",
    "decayed_sum",
    "embedding_mean",
    "pushed",
];

fn aggregate(source: Source<'_>, event: EventKind, text: &FeatureText) -> Result<Aggregate> {
    let name = text.aggregate.get_ref().as_str();
    let missing = |key: &str| source.error_on(&text.aggregate, format!("`{name}` needs `{key}`"));
    let given = || match &text.field {
        None => Ok(None),
        Some(field) => Field::find(event, field.get_ref())
            .map(Some)
            .map_err(|reason| source.error_on(field, reason)),
    };
    let field = || given()?.ok_or_else(|| missing("field"));
    let numeric = |field: Field| {
        if field.is_number() {
            return Ok(field);
        }
        let reason = format!("`{}` does not add up: it is no number", field.name());
        Err(text.field.as_ref().map_or_else(
            || source.error_on(&text.aggregate, reason.clone()),
            |given| source.error_on(given, reason.clone()),
        ))
    };
    Ok(match name {
        "count" => Aggregate::Count,
        "sum" => Aggregate::Sum(numeric(field()?)?),
        "mean" => Aggregate::Mean(numeric(field()?)?),
        "rate" => rate(source, event, text)?,
        "distinct" => Aggregate::Distinct(field()?),
        "last" => Aggregate::Last(given()?),
        "first" => Aggregate::First(given()?),
        "top_k" => {
            let k = text.k.as_ref().ok_or_else(|| missing("k"))?;
            if !(1..=TOP_MAX).contains(k.get_ref()) {
                return Err(source.error_on(k, format!("`k` must be in 1 to {TOP_MAX}")));
            }
            let field = field()?;
            Aggregate::TopK {
                field,
                k: *k.get_ref(),
            }
        }
        "decayed_sum" => Aggregate::DecayedSum {
            field: given()?.map(numeric).transpose()?,
            half_life_ms: duration(source, "half_life", text.half_life.as_ref())?
                .ok_or_else(|| missing("half_life"))?,
        },
        "embedding_mean" => {
            if !event.fields().contains(&Field::Track) {
                let reason = format!("`{}` has no track", event.name());
                return Err(source.error_on(&text.event, reason));
            }
            let space = text.space.as_ref().ok_or_else(|| missing("space"))?;
            Aggregate::EmbeddingMean {
                space: space.get_ref().clone(),
            }
        }
        "pushed" => Aggregate::Pushed,
        _ => {
            let reason = format!(
                "`{name}` is no `aggregate`: is one of {}",
                AGGREGATES.join(", ")
            );
            return Err(source.error_on(&text.aggregate, reason));
        }
    })
}

fn rate(source: Source<'_>, event: EventKind, text: &FeatureText) -> Result<Aggregate> {
    let Some(when) = &text.when else {
        return Err(source.error_on(&text.aggregate, "`rate` needs `when`"));
    };
    let number = |given: &Option<Spanned<f64>>, what: &str, max: f64| match given {
        None => Ok(0.0),
        Some(value) if (0.0..=max).contains(value.get_ref()) => Ok(*value.get_ref()),
        Some(value) => {
            let reason = format!("`{what}` is {}, must be in 0 to {max}", value.get_ref());
            Err(source.error_on(value, reason))
        }
    };
    Ok(Aggregate::Rate {
        when: filter(source, event, Some(when))?,
        prior: number(&text.prior, "prior", 1.0)?,
        prior_weight: number(&text.prior_weight, "prior_weight", PRIOR_WEIGHT_MAX)?,
    })
}

fn window(source: Source<'_>, aggregate: &Aggregate, text: &FeatureText) -> Result<Window> {
    let Some(given) = &text.window else {
        return match &text.tile {
            Some(tile) => Err(source.error_on(tile, "a `tile` without a `window`")),
            None => Ok(Window::AllTime),
        };
    };
    let words: Vec<&str> = given.get_ref().split_whitespace().collect();
    let (sort, length) = match words.as_slice() {
        [length] => ("sliding", *length),
        [sort @ ("sliding" | "tumbling" | "session"), length] => (*sort, *length),
        _ => {
            let reason = format!(
                "`{}` is no `window`: write `30d`, `tumbling 1d` or `session 30m`",
                given.get_ref()
            );
            return Err(source.error_on(given, reason));
        }
    };
    let length_ms = duration_ms("window", length).map_err(|r| source.error_on(given, r))?;
    let is_summed = matches!(
        aggregate,
        Aggregate::Count | Aggregate::Sum(_) | Aggregate::Mean(_) | Aggregate::Rate { .. }
    );
    if sort == "session" && !is_summed {
        let reason = "a session has count, sum, mean and rate";
        return Err(source.error_on(given, reason));
    }
    if sort != "sliding" && matches!(aggregate, Aggregate::Last(_)) {
        return Err(source.error_on(given, "the window of `last` slides"));
    }
    if sort != "sliding"
        && let Some(tile) = &text.tile
    {
        return Err(source.error_on(tile, "only a sliding window has tiles"));
    }
    Ok(match sort {
        "tumbling" => Window::Tumbling { length_ms },
        "session" => Window::Session { gap_ms: length_ms },
        _ => Window::Sliding {
            length_ms,
            tile_ms: tile(source, given, length_ms, text.tile.as_ref())?,
        },
    })
}

fn tile(
    source: Source<'_>,
    window: &Spanned<String>,
    length_ms: i64,
    given: Option<&Spanned<String>>,
) -> Result<i64> {
    let Some(given) = given else {
        let fits = |width: &&i64| length_ms % **width == 0 && length_ms / **width >= TILES_WANTED;
        let width = TILES_MS.iter().find(fits).copied().unwrap_or(1_000);
        if length_ms / width <= limits::FEATURE_TILES_MAX {
            return Ok(width);
        }
        let reason = "no tile fits the window: give a `tile` that divides it";
        return Err(source.error_on(window, reason));
    };
    let width = duration_ms("tile", given.get_ref()).map_err(|r| source.error_on(given, r))?;
    if length_ms % width != 0 {
        return Err(source.error_on(given, "the tile does not divide the window"));
    }
    let count = length_ms / width;
    if count > limits::FEATURE_TILES_MAX {
        let reason = format!("{count} tiles, at most {}", limits::FEATURE_TILES_MAX);
        return Err(source.error_on(given, reason));
    }
    Ok(width)
}

/// Reads derived features and finds an order in which each comes after its inputs.
fn derived(
    source: Source<'_>,
    features: &[Feature],
    texts: &[DerivedText],
) -> Result<(Vec<Derived>, Vec<usize>)> {
    let names = features.iter().map(|feature| feature.name.as_str());
    let names = names.chain(texts.iter().map(|text| text.name.get_ref().as_str()));
    let columns: HashMap<&str, usize> = names.enumerate().map(|(at, name)| (name, at)).collect();
    let mut derived = Vec::new();
    for text in texts {
        let (combination, inputs) = match (&text.ratio, &text.difference) {
            (Some(inputs), None) => (Combination::Ratio, inputs),
            (None, Some(inputs)) => (Combination::Difference, inputs),
            _ => {
                let reason = "a derived feature is a `ratio` or a `difference`";
                return Err(source.error_on(&text.name, reason));
            }
        };
        let [first, second] = inputs.get_ref().as_slice() else {
            return Err(source.error_on(inputs, "must name two features"));
        };
        let column = |name: &String| {
            let Some(column) = columns.get(name.as_str()).copied() else {
                return Err(source.error_on(inputs, format!("no feature `{name}`")));
            };
            let value = features.get(column).map(Feature::value_type);
            if value.is_some_and(|value| value != ValueType::Number) {
                return Err(source.error_on(inputs, format!("`{name}` is no number")));
            }
            Ok(column)
        };
        derived.push(Derived {
            name: text.name.get_ref().clone(),
            description: text.description.clone(),
            combination,
            inputs: [column(first)?, column(second)?],
        });
    }
    let order = order_of(features.len(), &derived).map_err(|cycle| {
        let named = cycle.iter().filter_map(|at| derived.get(*at));
        let names: Vec<String> = named.map(|one| format!("`{}`", one.name)).collect();
        let place = (cycle.first()).and_then(|at| texts.get(*at));
        let reason = format!("features are made of each other: {}", names.join(" → "));
        let at = place.map_or(0, |text| text.name.span().start);
        source.error(at, reason)
    })?;
    Ok((derived, order))
}

/// The order, or a cycle with its first member again at its end.
fn order_of(
    feature_count: usize,
    derived: &[Derived],
) -> std::result::Result<Vec<usize>, Vec<usize>> {
    let mut order: Vec<usize> = Vec::new();
    while order.len() < derived.len() {
        let is_ready = |at: &usize| {
            let Some(one) = derived.get(*at) else {
                return false;
            };
            let is_known =
                |input: &usize| *input < feature_count || order.contains(&(*input - feature_count));
            !order.contains(at) && one.inputs.iter().all(is_known)
        };
        match (0..derived.len()).find(is_ready) {
            Some(at) => order.push(at),
            None => return Err(cycle_of(feature_count, derived, &order)),
        }
    }
    Ok(order)
}

fn cycle_of(feature_count: usize, derived: &[Derived], order: &[usize]) -> Vec<usize> {
    let mut path: Vec<usize> = Vec::new();
    let mut at = (0..derived.len()).find(|at| !order.contains(at));
    while let Some(here) = at {
        if let Some(start) = path.iter().position(|seen| *seen == here) {
            path.drain(..start);
            path.push(here);
            break;
        }
        path.push(here);
        let inputs = derived.get(here).map(|one| one.inputs).unwrap_or_default();
        let stuck = |input: &usize| {
            let derived = input.checked_sub(feature_count)?;
            (!order.contains(&derived)).then_some(derived)
        };
        at = inputs.iter().find_map(stuck);
    }
    path
}
