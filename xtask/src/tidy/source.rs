//! Just enough of Rust's grammar: what is code and what is not, where functions and tests lie.

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of `fn`, from 1.
    pub line: usize,
    /// Lines from `fn` to the closing brace, both included.
    pub line_count: usize,
}

/// Replaces comments, strings and character literals by spaces; lines and columns stay.
///
/// - Cost: O(characters).
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped_end(&chars, at);
        if end > at {
            masked.extend(chars[at..end].iter().map(|c| blank(*c)));
            at = end;
        } else {
            masked.push(chars[at]);
            at += 1;
        }
    }
    masked
}

fn blank(character: char) -> char {
    if character == '\n' { '\n' } else { ' ' }
}

/// Where the comment or literal that starts at `at` ends; `at` itself when none starts here.
fn skipped_end(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => line_end(chars, at),
        '/' if next == Some('*') => block_comment_end(chars, at),
        '"' => string_end(chars, at + 1),
        '\'' => char_end(chars, at),
        'r' | 'b' | 'c' if !follows_word(chars, at) => prefixed_end(chars, at),
        _ => at,
    }
}

fn follows_word(chars: &[char], at: usize) -> bool {
    at > 0 && is_word(chars[at - 1])
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn line_end(chars: &[char], at: usize) -> usize {
    let rest = chars[at..].iter().position(|c| *c == '\n');
    rest.map_or(chars.len(), |offset| at + offset)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut index = at;
    while index + 1 < chars.len() {
        match (chars[index], chars[index + 1]) {
            ('/', '*') => (depth, index) = (depth + 1, index + 2),
            ('*', '/') => {
                (depth, index) = (depth - 1, index + 2);
                if depth == 0 {
                    return index;
                }
            }
            _ => index += 1,
        }
    }
    chars.len()
}

/// `at` is the first character inside the quotes.
fn string_end(chars: &[char], at: usize) -> usize {
    let mut index = at;
    while index < chars.len() {
        match chars[index] {
            '\\' => index += 2,
            '"' => return index + 1,
            _ => index += 1,
        }
    }
    chars.len()
}

/// A quote opens a character or a lifetime; only a character has its closing quote.
fn char_end(chars: &[char], at: usize) -> usize {
    if chars.get(at + 1) == Some(&'\\') {
        let closing = chars.iter().skip(at + 3).position(|c| *c == '\'');
        return closing.map_or(chars.len(), |offset| at + 3 + offset + 1);
    }
    if chars.get(at + 2) == Some(&'\'') {
        return at + 3;
    }
    at
}

/// Literals such as `r"…"`, `br#"…"#`, `b'x'`, `c"…"`; raw identifiers are not literals.
fn prefixed_end(chars: &[char], at: usize) -> usize {
    let letters = chars[at..]
        .iter()
        .take(2)
        .take_while(|c| matches!(c, 'r' | 'b' | 'c'))
        .count();
    let open = at + letters;
    let is_raw = chars[open - 1] == 'r';
    match chars.get(open) {
        Some('"') if !is_raw => string_end(chars, open + 1),
        Some('\'') if letters == 1 && chars[at] == 'b' => char_end(chars, open),
        Some('"' | '#') if is_raw => {
            let hashes = chars[open..].iter().take_while(|c| **c == '#').count();
            if chars.get(open + hashes) == Some(&'"') {
                raw_string_end(chars, open + hashes + 1, hashes)
            } else {
                at
            }
        }
        _ => at,
    }
}

fn raw_string_end(chars: &[char], at: usize, hashes: usize) -> usize {
    let mut index = at;
    while index < chars.len() {
        let closes = chars[index] == '"'
            && chars[index + 1..].len() >= hashes
            && chars[index + 1..][..hashes].iter().all(|c| *c == '#');
        if closes {
            return index + 1 + hashes;
        }
        index += 1;
    }
    chars.len()
}

/// The line of a byte position, from 1.
pub fn line_of(text: &str, position: usize) -> usize {
    text[..position].bytes().filter(|b| *b == b'\n').count() + 1
}

/// Byte ranges of `#[cfg(test)]` items and `#[test]` functions, attribute to closing brace.
pub fn test_ranges(masked: &str) -> Vec<(usize, usize)> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for attribute in ["#[cfg(test)]", "#[test]"] {
        for (start, _) in masked.match_indices(attribute) {
            let from = start + attribute.len();
            if let Some(end) = item_end(masked, from) {
                ranges.push((start, end));
            }
        }
    }
    ranges
}

/// The end of the item that starts at `from`: its closing brace, or its semicolon.
fn item_end(masked: &str, from: usize) -> Option<usize> {
    let open = masked[from..].find(['{', ';'])? + from;
    if masked.as_bytes()[open] == b';' {
        return Some(open + 1);
    }
    closing(masked, open).map(|end| end + 1)
}

/// The position of the bracket that closes the one at `open`.
pub fn closing(masked: &str, open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in masked[open..].bytes().enumerate() {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(open + offset);
                }
            }
            _ => {}
        }
    }
    None
}

/// Positions of a word as a word, not inside a longer one.
pub fn word_positions<'a>(masked: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    masked
        .match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let bytes = masked.as_bytes();
            let before = at.checked_sub(1).and_then(|index| bytes.get(index));
            !is_part(before) && !is_part(bytes.get(at + word.len())) && before != Some(&b'#')
        })
}

/// The functions of a file outside its tests.
pub fn functions(masked: &str) -> Vec<Function> {
    let tests = test_ranges(masked);
    let is_test = |at: usize| {
        tests
            .iter()
            .any(|(start, end)| (*start..*end).contains(&at))
    };
    word_positions(masked, "fn")
        .filter(|at| !is_test(*at))
        .filter_map(|at| function_at(masked, at))
        .collect()
}

fn function_at(masked: &str, at: usize) -> Option<Function> {
    let name = name_at(masked, at + 2)?;
    let body = body_start(masked, at)?;
    let end = closing(masked, body)?;
    let line = line_of(masked, at);
    Some(Function {
        name,
        line,
        line_count: line_of(masked, end) - line + 1,
    })
}

/// The identifier after a keyword that ends at `from`; `None` for `fn(…)` types.
pub fn name_at(masked: &str, from: usize) -> Option<String> {
    let rest = masked[from..].trim_start();
    let name: String = rest.chars().take_while(|c| is_word(*c)).collect();
    (!name.is_empty()).then_some(name)
}

/// The brace that opens the body; `None` for a signature that ends with a semicolon.
fn body_start(masked: &str, at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in masked[at..].bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.checked_sub(1)?,
            b'{' if depth == 0 => return Some(at + offset),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_become_spaces() {
        // `~` stands for a blank in the expectations.
        let check = |text: &str, expected: &str| {
            assert_eq!(mask(text), expected.replace('~', " "), "{text}");
        };
        check("a // }\nb", "a ~~~~\nb");
        check("a /* { /* } */ */ b", "a ~~~~~~~~~~~~~~~ b");
        check(r#"f("}\"{") + g"#, "f(~~~~~~) + g");
        check(r##"x = r#"a " {"# ;"##, "x = ~~~~~~~~~~ ;");
        check("b\"{\" b'{' c\"}\";", "~~~~ ~~~~ ~~~~;");
        check("'}' '\\'' '\\u{7d}';", "~~~ ~~~~ ~~~~~~~~;");
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("for_r\"x\"", "for_r~~~");
        check("r#fn + br\"\\\" + 1", "r#fn + ~~~~~ + 1");
        check("'\u{e9}' + 1", "~~~ + 1");
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text = "fn a() {\n    \"}\";\n}\ntrait T { fn b(&self); }\ntype F = fn(u8) -> u8;\n\
            fn c(x: [u8; 3])\nwhere\n    u8: Copy,\n{ if true { } }\n";
        let found: Vec<_> = functions(&mask(text))
            .into_iter()
            .map(|f| (f.name, f.line, f.line_count))
            .collect();
        assert_eq!(found, [("a".to_owned(), 1, 3), ("c".to_owned(), 6, 4)]);
    }

    #[test]
    fn tests_are_not_measured() {
        let text = "#[cfg(test)]\nmod tests {\n    fn a() {}\n}\n#[test]\nfn b() {}\nfn c() {}\n\
            #[cfg(test)]\nmod other;\nfn d() {}\n";
        let names: Vec<_> = functions(&mask(text)).into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["c", "d"]);
    }

    #[test]
    fn unfinished_text_ends_quietly() {
        for text in [
            "\"",
            "r#\"",
            "'\\",
            "/*",
            "fn f(",
            "fn f() {",
            "b'",
            "#[cfg(test)] mod",
            "'",
        ] {
            let masked = mask(text);
            assert_eq!(masked.chars().count(), text.chars().count(), "{text}");
            functions(&masked);
        }
    }
}
