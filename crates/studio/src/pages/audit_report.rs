//! The findings of an audit, drawn without links, so that they can stand in a file of their own.

use leitmotif_api::native::audits::parts::{
    Agreement, AnalyzerFindings, AuditDocument, Reanalysis, RhymeDetector, SpaceFindings,
    TableAudit, Tally, TrackFindings,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets::STYLE;
use crate::format::{grouped, or_unknown, percent, trimmed};
use crate::parts::{bar, empty};

/// Draws an audit as one file that needs nothing beside it.
pub fn audit_file(document: &AuditDocument) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Import audit · Leitmotif" }
                style { (PreEscaped(STYLE)) }
            }
            body { main #content {
                h1 { "Import audit" }
                (report(document))
            } }
        }
    };
    page.into_string()
}

/// Draws the findings.
pub fn report(document: &AuditDocument) -> Markup {
    html! {
        (headline(document))
        (tracks_section(&document.tracks))
        @for (place, table) in document.tables.iter().enumerate() { (table_section(place, table)) }
        (analyzers_section(&document.analyzers))
        (agreement_section(&document.agreements))
        @if let Some(reanalysis) = &document.reanalysis { (reanalysis_section(reanalysis)) }
        (detectors_section(&document.rhyme_detectors))
        (spaces_section(&document.spaces))
    }
}

fn headline(document: &AuditDocument) -> Markup {
    let tracks = &document.tracks;
    let rejected = document
        .tables
        .iter()
        .map(|table| table.rejected_rows)
        .sum();
    let tiles = [
        ("tracks", "Tracks", tracks.tracks),
        ("artists", "Artists", tracks.artists),
        ("with_lyrics", "with lyrics", tracks.with_lyrics),
        ("spotify_ids", "Spotify ids", tracks.spotify_ids),
        ("fallbacks", "Fallback analyses", document.fallback_rows()),
        ("rejected", "Rows not usable", rejected),
        ("previews", "Previews", tracks.previews),
        ("audio_features", "Audio features", tracks.audio_features),
    ];
    html! {
        section aria-labelledby="headline" {
            h2 #headline { "At a glance: " (document.source) }
            ul.tiles {
                @for (name, title, count) in tiles {
                    li { div { strong data-audit=(name) { (grouped(count)) } span { (title) } } }
                }
            }
            p { (grouped(document.changes())) " changes were written by this run." }
        }
    }
}

fn tally_table(caption: &str, head: &str, tallies: &[Tally]) -> Markup {
    let largest = tallies.iter().map(|tally| tally.count).max().unwrap_or(1);
    html! {
        @if !tallies.is_empty() {
            div.scroll tabindex="0" role="region" aria-label=(caption) {
                table {
                    caption { (caption) }
                    thead { tr { th scope="col" { (head) } th.number scope="col" { "Tracks" } th scope="col" { "Share" } } }
                    tbody {
                        @for tally in tallies {
                            tr { th scope="row" { (tally.name) } td.number { (grouped(tally.count)) }
                                td { (bar(tally.count as f64 / largest.max(1) as f64, "audit-share")) } }
                        }
                    }
                }
            }
        }
    }
}

fn tracks_section(tracks: &TrackFindings) -> Markup {
    html! {
        section aria-labelledby="tracks" {
            h2 #tracks { "Tracks" }
            dl.facts {
                dt { "Lyrics without a line break" } dd { (grouped(tracks.lyrics_without_line_breaks)) }
                dt { "Artists split as Spotify credits them" } dd { (grouped(tracks.artists_split)) }
                dt { "Explicit taken from Spotify" } dd { (grouped(tracks.explicit_of_spotify)) }
                dt { "Ids that several tracks have" }
                dd { (grouped(tracks.shared_id_groups)) " ids, " (grouped(tracks.shared_id_tracks)) " tracks" }
            }
            div.columns {
                (tally_table("Release dates by precision", "Precision", &tracks.dates))
                (tally_table("Languages, as detected", "Language", &tracks.languages))
                (tally_table("Spotify data by shape", "Shape", &tracks.spotify_shapes))
            }
            @if !tracks.shared_ids.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="Ids that several tracks have; nothing is merged" {
                    table {
                        caption { "Ids that several tracks have; nothing is merged" }
                        thead { tr { th scope="col" { "Id" } th.number scope="col" { "Tracks" } th scope="col" { "Their ids over there" } } }
                        tbody {
                            @for shared in &tracks.shared_ids {
                                tr { th.mono scope="row" { (shared.id) } td.number { (grouped(shared.track_count)) }
                                    td.mono { (shared.tracks.join(", ")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn table_section(place: usize, table: &TableAudit) -> Markup {
    let id = format!("table-{place}");
    let counts = [
        ("Rows read", table.rows_in),
        ("Rows kept", table.rows_out),
        ("Duplicates", table.duplicate_rows),
        ("Renewals of a row before", table.renewing_rows),
        ("About no track", table.orphan_rows),
        ("Not usable", table.rejected_rows),
        ("Used in part", table.damaged_rows),
        ("Under an id of another song", table.clashing_rows),
        ("Changes written", table.changed),
    ];
    let list = |names: &[String]| or_unknown_list(names);
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { "Table " (table.name) }
            dl.facts {
                @for (title, count) in counts { dt { (title) } dd { (grouped(count)) } }
                dt { "Constant columns" } dd { (list(&table.constant_columns)) }
                @if !table.constant_where_filled.is_empty() {
                    dt { "Constant where filled" } dd { (list(&table.constant_where_filled)) }
                }
                dt { "Empty columns" } dd { (list(&table.empty_columns)) }
                dt { "Identical columns" }
                dd {
                    @if table.identical_columns.is_empty() { "none" }
                    @for (one, other) in &table.identical_columns { span.mono { (one) " = " (other) } br; }
                }
                @if !table.columns_not_imported.is_empty() {
                    dt { "Not imported" } dd { (list(&table.columns_not_imported)) }
                }
            }
            @if let Some(reason) = &table.left_out_because { p { "Nothing of it is imported: " (reason) "." } }
            (columns_table(table))
            (stand_ins_table(table))
            @if !table.faults.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="What could not be read" {
                    table {
                        caption { "What could not be read" }
                        thead { tr { th.number scope="col" { "Line" } th scope="col" { "Reason" } th scope="col" { "Row" } } }
                        tbody {
                            @for fault in &table.faults {
                                tr { td.number { (fault.line) } td { (fault.reason) }
                                    td { @if fault.is_used { "used in part" } @else { "left out" } } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn or_unknown_list(names: &[String]) -> Markup {
    html! { @if names.is_empty() { "none" } @else { span.mono { (names.join(", ")) } } }
}

fn columns_table(table: &TableAudit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Columns of " (table.name) } {
            table {
                caption { "Columns" }
                thead { tr { th scope="col" { "Column" } th.number scope="col" { "Filled" }
                    th.number scope="col" { "Different" } th scope="col" { "Values of a column of labels" } } }
                tbody {
                    @for column in &table.columns {
                        tr {
                            th.mono scope="row" { (column.name) }
                            td.number { (grouped(column.filled)) }
                            td.number { @if column.is_distinct_at_bound { "over " } (grouped(column.distinct)) }
                            td { (labels_text(&column.labels)) }
                        }
                    }
                }
            }
        }
    }
}

fn stand_ins_table(table: &TableAudit) -> Markup {
    let columns = table.columns.iter();
    let found = columns.flat_map(|column| column.stand_ins.iter().map(move |one| (column, one)));
    let found: Vec<_> = found.collect();
    html! {
        @if !found.is_empty() {
            div.scroll tabindex="0" role="region" aria-label={ "Possible fallback values of " (table.name) } {
                table {
                    caption { "Possible fallback values: numbers far more frequent than those next to them, and words that say nothing is known. They came in as they are." }
                    thead { tr { th scope="col" { "Column" } th scope="col" { "Value" } th.number scope="col" { "Rows" }
                        th.number scope="col" { "Share" } th.number scope="col" { "Most among its neighbours" } } }
                    tbody {
                        @for (column, one) in found {
                            tr { th.mono scope="row" { (column.name) } td.mono { (one.value) } td.number { (grouped(one.count)) }
                                td.number { (percent(one.share)) }
                                td.number { @match one.neighbours_max { Some(count) => (grouped(count)), None => "–" } } }
                        }
                    }
                }
            }
        }
    }
}

fn labels_text(labels: &[Tally]) -> String {
    let shown = labels.iter().take(8);
    let shown = shown.map(|label| format!("{} ({})", label.name, grouped(label.count)));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if labels.len() > 8 {
        text.push_str(", …");
    }
    text
}

fn analyzers_section(analyzers: &[AnalyzerFindings]) -> Markup {
    html! {
        @if !analyzers.is_empty() {
            section aria-labelledby="analyzers" {
                h2 #analyzers { "Earlier analyses" }
                p { "They are kept as statements beside our own analysis. Fallbacks are stand-ins of an analyzer that had failed; they and quarantined rows are used nowhere." }
                div.scroll tabindex="0" role="region" aria-label="By analyzer and version" {
                    table {
                        caption { "By analyzer and version" }
                        thead { tr { th scope="col" { "Analyzer" } th scope="col" { "Version" } th scope="col" { "Kind" }
                            th.number scope="col" { "Rows" } th.number scope="col" { "Tracks" } th.number scope="col" { "Duplicates" }
                            th.number scope="col" { "Fallbacks" } th.number scope="col" { "Quarantined" } } }
                        tbody {
                            @for one in analyzers {
                                tr { th scope="row" { (one.author) } td { (or_unknown(Some(&one.version))) } td { (one.kind) }
                                    td.number { (grouped(one.rows)) } td.number { (grouped(one.tracks)) }
                                    td.number { (grouped(one.duplicate_rows)) } td.number { (grouped(one.fallback_rows)) }
                                    td.number { (grouped(one.quarantined_rows)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn agreement_section(agreements: &[Agreement]) -> Markup {
    html! {
        @if !agreements.is_empty() {
            section aria-labelledby="agreement" {
                h2 #agreement { "Do those who labelled agree?" }
                p { "Cohen's kappa: 1 is full agreement, 0 is what chance alone would give." }
                div.scroll tabindex="0" role="region" aria-label="Field by field, over tracks that both judged" {
                    table {
                        caption { "Field by field, over tracks that both judged" }
                        thead { tr { th scope="col" { "Field" } th scope="col" { "One" } th scope="col" { "Other" }
                            th.number scope="col" { "Tracks" } th.number scope="col" { "Same" } th.number scope="col" { "Kappa" } } }
                        tbody {
                            @for one in agreements {
                                tr { th scope="row" { (one.field) } td { (one.first) } td { (one.second) }
                                    td.number { (grouped(one.tracks)) } td.number { (percent(one.same_share)) }
                                    td.number { (number(one.kappa)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn number(value: Option<f64>) -> Markup {
    or_unknown(value.map(|value| trimmed(value, 3)).as_deref())
}

fn reanalysis_section(reanalysis: &Reanalysis) -> Markup {
    html! {
        section aria-labelledby="reanalysis" {
            h2 #reanalysis { "Our analysis beside theirs" }
            p { (grouped(reanalysis.tracks)) " of " (grouped(reanalysis.tracks_available))
                " lyrics were analysed again for this comparison, words version " (reanalysis.version) "." }
            @if reanalysis.comparisons.is_empty() { (empty("Nobody else measured what we measure.")) } @else {
                div.scroll tabindex="0" role="region" aria-label="Means and correlation" {
                    table {
                        caption { "Means and correlation" }
                        thead { tr { th scope="col" { "Descriptor" } th scope="col" { "Theirs from" } th.number scope="col" { "Tracks" }
                            th.number scope="col" { "Mean, theirs" } th.number scope="col" { "Mean, ours" }
                            th.number scope="col" { "Mean distance" } th.number scope="col" { "Correlation" } } }
                        tbody {
                            @for one in &reanalysis.comparisons {
                                tr { th.mono scope="row" { (one.field) } td { (one.author) } td.number { (grouped(one.tracks)) }
                                    td.number { (trimmed(one.theirs_mean, 3)) } td.number { (trimmed(one.ours_mean, 3)) }
                                    td.number { (trimmed(one.difference_mean, 3)) } td.number { (number(one.correlation)) } }
                            }
                        }
                    }
                }
                div.scroll tabindex="0" role="region" aria-label="The largest disagreements, in standard deviations" {
                    table {
                        caption { "The largest disagreements, in standard deviations" }
                        thead { tr { th scope="col" { "Track" } th scope="col" { "Descriptor" } th scope="col" { "Theirs from" }
                            th.number scope="col" { "Theirs" } th.number scope="col" { "Ours" } th.number scope="col" { "Deviations" } } }
                        tbody {
                            @for one in &reanalysis.disagreements {
                                tr { th scope="row" { (one.title) " " span.quiet { (one.track) } } td.mono { (one.field) } td { (one.author) }
                                    td.number { (trimmed(one.theirs, 3)) } td.number { (trimmed(one.ours, 3)) }
                                    td.number { (trimmed(one.deviations, 1)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn detectors_section(detectors: &[RhymeDetector]) -> Markup {
    html! {
        @if !detectors.is_empty() {
            section aria-labelledby="detectors" {
                h2 #detectors { "How good are the rhyme numbers?" }
                div.scroll tabindex="0" role="region" aria-label="F1 on annotated verse" {
                    table {
                        caption { "F1 on annotated verse" }
                        thead { tr { th scope="col" { "Detector" } th.number scope="col" { "F1" } th scope="col" { "Share" } th scope="col" { "Measured on" } } }
                        tbody {
                            @for one in detectors {
                                tr { th scope="row" { (one.name) } td.number { (trimmed(one.f1, 3)) }
                                    td { (bar(one.f1, "audit-share")) } td { (one.basis) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn spaces_section(spaces: &[SpaceFindings]) -> Markup {
    html! {
        section aria-labelledby="imported-spaces" {
            h2 #imported-spaces { "Embedding spaces" }
            @if spaces.is_empty() { (empty("No embeddings came with the rows.")) } @else {
                div.scroll tabindex="0" role="region" aria-label="One for each column, model and dimension; two are never compared" {
                    table {
                        caption { "One for each column, model and dimension; two are never compared" }
                        thead { tr { th scope="col" { "Space" } th scope="col" { "Column" } th scope="col" { "Model" }
                            th.number scope="col" { "Dimension" } th.number scope="col" { "Vectors" } } }
                        tbody {
                            @for space in spaces {
                                tr { th.mono scope="row" { (space.name) } td.mono { (space.column) }
                                    td { (or_unknown(space.model.as_deref())) }
                                    td.number { (grouped(space.dimension)) } td.number { (grouped(space.vectors)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
