//! Lists that keep to constraints.

use std::sync::Arc;

use leitmotif_domain::Rung;
use leitmotif_recommend::exposures::ExposureWriter;
use leitmotif_recommend::search::{Admitted, Constraint, Constraints, genre_key};
use leitmotif_recommend::{Recommender, Searcher};

use super::{TRACKS_PER_GROUP, World};

impl World {
    pub async fn admitted(&self, constraints: Vec<Constraint>) -> Option<Arc<Admitted>> {
        let (exposures, _) = ExposureWriter::start(self.storage.clone());
        let searcher = Searcher::new(Arc::new(Recommender::new(self.stores.clone(), exposures)));
        let constraints = Constraints(constraints);
        let admitted = searcher.admitted(&self.scope, constraints, true).await;
        admitted.unwrap()
    }
}

#[tokio::test]
async fn a_list_keeps_to_its_constraints_on_every_rung() {
    let world = World::new().await;
    world.live().await;
    world.train().await.unwrap();
    assert_eq!(world.admitted(Vec::new()).await, None);
    let genre = |number: usize| Constraint::Genre(genre_key(&format!("genre {number}")), None);
    let rungs = [
        Rung::Personalised,
        Rung::Session,
        Rung::Content,
        Rung::Popular,
    ];
    // Nobody of the first group plays the last one: a list of it must look beyond the best offers.
    for (wanted, disabled) in [(0, 0), (2, 0), (2, 1), (2, 3), (0, 4)] {
        let only = world.admitted(vec![genre(wanted)]).await;
        let answered = world
            .ask(|request| {
                request.listener = Some(world.listener("person 0"));
                request.only = only.clone();
                request.disabled_rungs = rungs[..disabled].to_vec();
                request.include_heard = true;
                request.count = TRACKS_PER_GROUP + 5;
            })
            .await;
        assert_eq!(
            answered.tracks.len(),
            TRACKS_PER_GROUP,
            "{wanted} {disabled}"
        );
        let groups = answered
            .tracks
            .iter()
            .map(|track| world.group_of(track.track));
        assert!(
            groups.into_iter().all(|group| group == wanted),
            "{wanted} {disabled}"
        );
        let told = answered.shortage.unwrap();
        let satisfied = format!(
            "{TRACKS_PER_GROUP} of {} tracks satisfy",
            world.tracks.len()
        );
        assert!(told.contains(&satisfied), "{told}");
    }
    let nothing = world.admitted(vec![Constraint::Year(1990, 1991)]).await;
    let answered = world.ask(|request| request.only = nothing).await;
    assert!(answered.tracks.is_empty());
    let told = answered.shortage.unwrap();
    assert!(told.contains("unknown: year of"), "{told}");
    let shown = world.exposures().await;
    assert!(!shown.is_empty(), "the lists before were shown");
    assert!(
        shown.iter().all(|one| !one.tracks.is_empty()),
        "nobody is shown a list without tracks"
    );
}
