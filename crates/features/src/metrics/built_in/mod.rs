//! The metrics that ship with the product.

/// Their texts, by name; each stands until a tenant defines one of the same name.
pub const BUILT_IN: [&str; 11] = [
    include_str!("catalogue_coverage.toml"),
    include_str!("click_through.toml"),
    include_str!("click_through_at_1.toml"),
    include_str!("click_through_at_10.toml"),
    include_str!("click_through_at_5.toml"),
    include_str!("completion_rate.toml"),
    include_str!("listened_time.toml"),
    include_str!("new_artists.toml"),
    include_str!("plays_per_answer.toml"),
    include_str!("satisfaction.toml"),
    include_str!("skip_rate.toml"),
];

#[cfg(test)]
mod tests {
    use super::BUILT_IN;
    use crate::metrics::MetricDefinition;

    #[test]
    fn every_built_in_metric_reads_and_stands_in_order() {
        let names = BUILT_IN.map(|text| MetricDefinition::parse(text).unwrap().name);
        assert!(names.is_sorted(), "{names:?}");
    }
}
