//! Cards for people.

use std::fmt::Write;

use super::card::{Card, Status};

/// Writes a card as Markdown.
pub fn markdown(card: &Card) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write(card, &mut text);
    text
}

fn write(card: &Card, text: &mut String) -> std::fmt::Result {
    writeln!(text, "# {}\n", card.title)?;
    writeln!(text, "{} Unit: {}.\n", card.what, card.unit)?;
    let names: Vec<String> = card
        .descriptors
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    let names = if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    };
    writeln!(
        text,
        "Analyzer `{}`, version {}. Descriptors: {names}.\n",
        card.analyzer, card.version
    )?;
    if card.status == Status::Unvalidated {
        let why = card.unvalidated_because.unwrap_or_default();
        writeln!(text, "**Unvalidated.** {why}\n")?;
    }
    write_data(card, text)?;
    write_scores(card, text)?;
    write_confidences(card, text)?;
    if !card.failures.is_empty() {
        writeln!(
            text,
            "## Where it fails\n\n| group | metric | value | n |\n|---|---|---|---|"
        )?;
        for failure in &card.failures {
            let (group, metric) = (&failure.group, failure.metric);
            writeln!(
                text,
                "| {group} | {metric} | {} | {} |",
                failure.value, failure.count
            )?;
        }
        writeln!(text)?;
    }
    if !card.notes.is_empty() {
        writeln!(text, "## Notes\n")?;
        for note in &card.notes {
            writeln!(text, "- {note}")?;
        }
        writeln!(text)?;
    }
    writeln!(
        text,
        "Made by `leitmotif-eval cards`, never by hand; [how to read a card](../reference/accuracy.md)."
    )
}

fn write_confidences(card: &Card, text: &mut String) -> std::fmt::Result {
    for confidence in &card.confidences {
        let calibration = &confidence.calibration;
        writeln!(text, "## Confidence of {}\n", confidence.of)?;
        writeln!(text, "{}\n", confidence.definition)?;
        let [low, high] = calibration.ece_interval;
        let [perfect, perfect_high] = calibration.ece_of_perfect;
        writeln!(
            text,
            "Expected calibration error {} (95 % interval {low} to {high}, n = {}); a perfectly calibrated \
             predictor would measure {perfect} on average and under {perfect_high} in 95 % of cases. Brier \
             score {}.\n",
            calibration.ece, calibration.count, calibration.brier
        )?;
        writeln!(text, "| confidence | right | n |\n|---|---|---|")?;
        for bin in &calibration.curve {
            writeln!(
                text,
                "| {} | {} | {} |",
                bin.confidence, bin.accuracy, bin.count
            )?;
        }
        writeln!(text)?;
    }
    Ok(())
}

fn write_data(card: &Card, text: &mut String) -> std::fmt::Result {
    if card.data.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "## Data\n\n| what | n | origin | licence |\n|---|---|---|---|"
    )?;
    for data in &card.data {
        let (name, count, of) = (data.name, data.count, data.of);
        writeln!(
            text,
            "| {name} | {count} {of} | {} | {} |",
            data.origin, data.licence
        )?;
    }
    writeln!(text)
}

fn write_scores(card: &Card, text: &mut String) -> std::fmt::Result {
    if card.scores.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "## Scores\n\n| metric | on | value | 95 % interval | n |\n|---|---|---|---|---|"
    )?;
    for score in &card.scores {
        let interval = score
            .interval
            .map_or("–".to_owned(), |[low, high]| format!("{low} to {high}"));
        writeln!(
            text,
            "| {} | {} | {} | {interval} | {} |",
            score.metric, score.of, score.value, score.count
        )?;
    }
    writeln!(text)?;
    let mut told: Vec<&str> = Vec::new();
    for score in &card.scores {
        if !told.contains(&score.metric) {
            told.push(score.metric);
            writeln!(
                text,
                "- **{}**: {} Source: {}.",
                score.metric, score.definition, score.source
            )?;
        }
    }
    writeln!(text)?;
    if !card.peers.is_empty() {
        writeln!(
            text,
            "Peers:\n\n| who | metric | value | how |\n|---|---|---|---|"
        )?;
        for peer in &card.peers {
            writeln!(
                text,
                "| {} | {} | {} | {} |",
                peer.name, peer.metric, peer.value, peer.note
            )?;
        }
        writeln!(text)?;
    }
    Ok(())
}
