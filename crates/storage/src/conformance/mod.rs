//! What every backend promises, as checks that any backend can be put through.
//!
//! A backend makes a [`World`]; [`suite`] runs every check on a fresh one. A behaviour that no check
//! asks for is not promised.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a check that does not hold must end the test that runs it"
)]

mod accounts;
mod blobs;
mod catalog;
mod definitions;
mod events;
mod imports;
mod isolation;
mod jobs;
mod listeners;
mod plugins;
mod records;
mod vectors;
mod webhooks;
mod world;

use std::pin::Pin;

pub use isolation::{covered_methods, scoped_methods};
pub use world::{World, listen};

use crate::error::Result;
use leitmotif_domain::ErrorKind;

type Running<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
type Check = (&'static str, for<'a> fn(&'a World) -> Running<'a>);

/// Lists functions as checks.
macro_rules! checks {
    ($($module:ident: $($name:ident)+;)+) => {
        &[$($((
            concat!(stringify!($module), "::", stringify!($name)),
            |world| Box::pin($module::$name(world)),
        ),)+)+]
    };
}

const CHECKS: &[Check] = checks! {
    accounts: tenants_have_unique_names keys_belong_to_their_tenant
        a_deleted_tenant_is_not_found the_audit_log_is_a_chain;
    events: appends_are_numbered_and_idempotent batches_are_bounded_and_read_in_order
        a_listener_is_read_newest_first a_kind_is_read_by_moment checkpoints_never_go_back
        parts_stand_until_later_ones_are_committed
        a_selection_is_read_both_ways a_clock_that_jumps_back_keeps_the_order;
    catalog: a_change_and_its_event_are_one tracks_of_one_write_sort_as_given tracks_are_matched_by_any_external_id contradictions_change_nothing
        updates_merge_and_say_what_is_new artists_are_found_by_their_ids
        filters_select_tracks pages_are_stable_under_inserts
        analyses_follow_their_track deleted_tracks_leave_nothing_behind;
    listeners: listeners_are_known_by_name playlists_hold_known_tracks;
    vectors: bad_vectors_are_refused neighbours_come_nearest_first
        vectors_are_read_as_written an_emptied_space_takes_another_dimension
        a_removed_space_is_gone a_track_leaves_the_spaces_that_are_meant
        a_later_learning_replaces_a_former;
    blobs: blobs_are_whole_and_cut_by_range uploads_go_on_where_they_were
        names_that_clash_are_refused;
    definitions: definitions_have_immutable_versions definitions_are_bounded
        shares_are_replaced_whole;
    imports: statements_are_written_once statements_are_bounded_and_leave_with_their_track
        audits_are_listed_newest_first;
    jobs: open_jobs_are_not_queued_twice leases_go_to_the_oldest_first a_lost_lease_is_a_conflict
        a_job_asked_for_while_it_runs_runs_again failures_wait_and_then_die
        dead_jobs_are_revived released_jobs_wait_again jobs_that_lost_their_worker_come_alone
        jobs_are_listed_newest_first imports_run_one_after_the_other;
    records: models_are_immutable_and_aliased usage_counts_an_effect_once
        replays_follow_their_request replays_are_forgotten_in_time;
    plugins: plugins_are_bounded_and_replaced_by_name answers_of_plugins_decide_their_trial;
    webhooks: webhooks_are_bounded_and_paused
        dead_letters_are_bounded_and_leave_with_their_webhook;
    isolation: tenants_do_not_see_each_other;
};

/// Runs every check, each on a fresh world.
pub async fn suite(make: impl Fn() -> World) {
    for (name, check) in CHECKS {
        // Shown by the test harness when a check fails.
        println!("conformance: {name}");
        let mut world = make();
        world.prepare().await;
        check(&world).await;
    }
}

/// The kind of a failure.
#[track_caller]
fn kind_of<T: std::fmt::Debug>(outcome: Result<T>) -> ErrorKind {
    match outcome {
        Ok(value) => panic!("expected an error, got {value:?}"),
        Err(error) => error.kind(),
    }
}
