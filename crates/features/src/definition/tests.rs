//! Views by hand: what can be said, and where wrong files are told to be wrong.

use super::*;

const HEAD: &str = "name = 'v'\nentity = 'track'\n";
const PLAYS: &str = "[[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'\n";

#[test]
fn everything_can_be_said() {
    let text = "name = 'mine'\nentity = 'listener_artist'\nttl = '90d'\njoin_keys = ['who', 'whom']
        services = {all = ['*'], some = ['odd', 'plays', 'odd']}
        [[features]]\nname = 'share'\nevent = 'listen'\naggregate = 'rate'\nwhen = 'outcome == completed'
        prior = 0.5\nprior_weight = 4\nwindow = '2w'\ntile = '7d'\nfilter = 'device == phone'
        [[features]]\nname = 'plays'\nevent = 'listen'\naggregate = 'count'\nwindow = 'tumbling 1d'
        [[derived]]\nname = 'double'\nratio = ['odd', 'plays']
        [[derived]]\nname = 'odd'\ndifference = ['plays', 'share']";
    let view = ViewDefinition::parse(text).unwrap();
    assert_eq!((view.ttl_ms, view.width()), (Some(90 * 86_400_000), 4));
    assert_eq!(view.join_keys, ["who", "whom"]);
    assert_eq!(
        view.features[0].window,
        Window::Sliding {
            length_ms: 14 * 86_400_000,
            tile_ms: 7 * 86_400_000
        }
    );
    assert_eq!(
        view.features[1].window,
        Window::Tumbling {
            length_ms: 86_400_000
        }
    );
    assert_eq!(view.derived[0].inputs, [3, 1]);
    assert_eq!(view.derived_order, [1, 0], "what it is made of comes first");
    assert_eq!(view.column("odd"), Some(3));
    assert_eq!(view.services["all"], [0, 1, 2, 3]);
    assert_eq!(view.services["some"], [1, 3]);
}

#[test]
fn a_window_has_twenty_tiles_unless_it_says_otherwise() {
    for (window, tile_ms) in [
        ("30d", 86_400_000),
        ("7d", 6 * 3_600_000),
        ("1d", 3_600_000),
        ("1h", 60_000),
        ("7s", 1_000),
    ] {
        let text = format!("{HEAD}{PLAYS}window = '{window}'");
        let view = ViewDefinition::parse(&text).unwrap();
        let Window::Sliding { tile_ms: found, .. } = view.features[0].window else {
            unreachable!("`{window}` slides")
        };
        assert_eq!(found, tile_ms, "{window}");
    }
}

#[test]
fn errors_name_line_and_column() {
    let feature = |rest: &str| format!("{HEAD}[[features]]\nname = 'x'\nevent = 'listen'\n{rest}");
    let many: String = (0..129)
        .map(|at| PLAYS.replace("'plays'", &format!("'p{at}'")))
        .collect();
    let derived = |rest: &str| format!("{HEAD}{PLAYS}{rest}");
    for (text, line, column, part) in [
        (feature("aggregate = 'count'\nwindow = '0d'"), 7, 10, "`window` is 0"),
        (feature("aggregate = 'count'\nwindow = 'soon'"), 7, 10, "write 90s"),
        (feature("aggregate = 'count'\nwindow = 'hopping 1d'"), 7, 10, "is no `window`"),
        (feature("aggregate = 'count'\nwindow = '1d'\ntile = '7h'"), 8, 8, "does not divide"),
        (feature("aggregate = 'count'\nwindow = '1d'\ntile = '1m'"), 8, 8, "1440 tiles"),
        (feature("aggregate = 'count'\nwindow = '1000s'"), 7, 10, "no tile fits"),
        (feature("aggregate = 'count'\ntile = '1d'"), 7, 8, "without a `window`"),
        (feature("aggregate = 'sum'\nfield = 'colour'"), 7, 9, "no field `colour`"),
        (feature("aggregate = 'sum'\nfield = 'device'"), 7, 9, "does not add up"),
        (feature("aggregate = 'sum'"), 6, 13, "needs `field`"),
        (feature("aggregate = 'count'\nfield = 'device'"), 7, 9, "has no `field`"),
        (feature("aggregate = 'median'"), 6, 13, "is one of count"),
        (feature("aggregate = 'top_k'\nfield = 'artist'\nk = 0"), 8, 5, "in 1 to 100"),
        (feature("aggregate = 'rate'\nwhen = 'mood == sad'"), 7, 9, "no field `mood`"),
        (
            feature("aggregate = 'rate'\nwhen = 'outcome == skipped'\nprior = 1.5"),
            8,
            9,
            "in 0 to 1",
        ),
        (feature("aggregate = 'distinct'\nfield = 'artist'\nwindow = 'session 1h'"), 8, 10, "a session has"),
        (feature("aggregate = 'last'\nwindow = 'tumbling 1h'"), 7, 10, "slides"),
        (feature("aggregate = 'count'\nfilter = 'hour == 1 and tempo > 3'"), 7, 25, "no field `tempo`"),
        (feature("aggregate = 'pushed'"), 6, 13, "event = \"push\""),
        (feature("aggregate = 'decayed_sum'\nhalf_life = '0h'"), 7, 13, "`half_life` is 0"),
        (feature("aggregate = 'count'\ncolour = 1"), 7, 1, "colour"),
        (format!("{HEAD}{PLAYS}{PLAYS}"), 8, 8, "stands twice"),
        (format!("{HEAD}{many}"), 1, 1, "at most 128"),
        (
            format!("{HEAD}services = {{s = ['plays', 'colour']}}\n{PLAYS}"),
            3,
            17,
            "lists `colour`",
        ),
        (format!("{HEAD}services = {{s = []}}\n{PLAYS}"), 3, 17, "at least one feature"),
        (format!("{HEAD}services = {{'a b' = ['*']}}\n{PLAYS}"), 3, 13, "no name of a service"),
        (HEAD.to_owned(), 1, 1, "at least one feature"),
        ("name = 'v'\nentity = 'album'".to_owned(), 2, 10, "is one of listener"),
        ("name = 'a b'\nentity = 'track'".to_owned(), 1, 8, "must have"),
        (
            "name = 'v'\nentity = 'track'\njoin_keys = ['a', 'b']".to_owned(),
            3,
            13,
            "has 1 join keys",
        ),
        (
            "name = 'v'\nentity = 'artist'\n[[features]]\nname = 's'\nevent = 'search'\naggregate = 'count'"
                .to_owned(),
            5,
            9,
            "says nothing of a `artist`",
        ),
        (derived("[[derived]]\nname = 'a'\nratio = ['a', 'plays']"), 8, 8, "`a` → `a`"),
        (
            derived(
                "[[derived]]\nname = 'a'\nratio = ['b', 'plays']\n[[derived]]\nname = 'b'\ndifference = ['plays', 'c']\n[[derived]]\nname = 'c'\nratio = ['a', 'a']",
            ),
            8,
            8,
            "`a` → `b` → `c` → `a`",
        ),
        (derived("[[derived]]\nname = 'a'\nratio = ['plays', 'none']"), 9, 9, "no feature `none`"),
        (derived("[[derived]]\nname = 'a'\nratio = ['plays']"), 9, 9, "two features"),
        (derived("[[derived]]\nname = 'a'"), 8, 8, "a `ratio` or a `difference`"),
        ("= 1".to_owned(), 1, 1, ""),
    ] {
        let error = ViewDefinition::parse(&text).expect_err(&text);
        assert_eq!((error.line, error.column), (line, column), "{text}: {error}");
        assert!(error.reason.contains(part), "{text}: {error}");
    }
}
