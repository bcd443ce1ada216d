//! The views that ship with the product.

/// The texts of the views that every tenant has, until one of the same name takes their place.
pub const BUILT_IN: [&str; 6] = [
    include_str!("listener.toml"),
    include_str!("track.toml"),
    include_str!("artist.toml"),
    include_str!("listener_artist.toml"),
    include_str!("context_cell.toml"),
    include_str!("request.toml"),
];

#[cfg(test)]
mod tests {
    use super::BUILT_IN;
    use crate::definition::{Entity, ViewDefinition};

    #[test]
    fn every_built_in_view_reads_and_every_entity_has_one() {
        let views = BUILT_IN.map(|text| ViewDefinition::parse(text).unwrap());
        for entity in Entity::ALL {
            let count = views.iter().filter(|view| view.entity == entity).count();
            assert_eq!(count, usize::from(entity != Entity::Named), "{entity:?}");
        }
        for view in &views {
            assert_eq!(view.name, view.entity.name());
        }
    }
}
