//! From words to a rule.

use leitmotif_domain::limits;

use super::evaluate::{Comparison, Condition, Operand};
use super::lexer::{Token, tokens};
use super::{Action, Field, FieldType, Group, RuleError};

/// Reads a whole rule.
pub fn parse(text: &str) -> Result<(Action, Option<Condition>), RuleError> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        end: text.chars().count() + 1,
        depth: 0,
    };
    let rule = parser.rule()?;
    match parser.peek() {
        None => Ok(rule),
        Some(token) => {
            let reason = format!("{} is not expected after the rule", token.shown());
            Err(RuleError::at(parser.column(), reason))
        }
    }
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    /// The column after the last character.
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn column(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.end, |(column, _)| *column)
    }

    fn next(&mut self, expected: &str) -> Result<(usize, Token), RuleError> {
        let found = self.tokens.get(self.at).cloned();
        self.at += 1;
        found.ok_or_else(|| RuleError::at(self.end, format!("the rule ends, expected {expected}")))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(is_there);
        is_there
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let is_there = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(is_there);
        is_there
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), RuleError> {
        if self.takes_sign(sign) {
            return Ok(());
        }
        let found = self
            .peek()
            .map_or_else(|| "the end".to_owned(), Token::shown);
        Err(RuleError::at(
            self.column(),
            format!("expected `{sign}`, found {found}"),
        ))
    }

    fn rule(&mut self) -> Result<(Action, Option<Condition>), RuleError> {
        const VERBS: &str = "`filter`, `boost`, `pin` or `cap`";
        let (column, token) = self.next(VERBS)?;
        let Token::Word(verb) = &token else {
            return Err(RuleError::at(
                column,
                format!("expected {VERBS}, found {}", token.shown()),
            ));
        };
        match verb.as_str() {
            "filter" => Ok((Action::Filter, Some(self.either()?))),
            "boost" => {
                let action = Action::Boost(self.strength()?);
                Ok((action, self.when(false)?))
            }
            "pin" => {
                let action = Action::Pin(self.count(1)?);
                Ok((action, self.when(true)?))
            }
            "cap" => {
                let count = self.count(0)?;
                if self.takes_word("per") {
                    return Ok((Action::CapPer(count, self.group()?), None));
                }
                Ok((Action::Cap(count), self.when(true)?))
            }
            _ => Err(RuleError::at(
                column,
                format!("expected {VERBS}, found `{verb}`"),
            )),
        }
    }

    fn when(&mut self, is_needed: bool) -> Result<Option<Condition>, RuleError> {
        if self.takes_word("when") {
            return self.either().map(Some);
        }
        if is_needed {
            return Err(RuleError::at(
                self.column(),
                "expected `when` and a condition",
            ));
        }
        Ok(None)
    }

    fn strength(&mut self) -> Result<f32, RuleError> {
        let (column, token) = self.next("a number from -10 to 10")?;
        match token {
            Token::Number(number) if number.abs() <= 10.0 => Ok(number as f32),
            other => {
                let reason = format!("expected a number from -10 to 10, found {}", other.shown());
                Err(RuleError::at(column, reason))
            }
        }
    }

    fn count(&mut self, least: usize) -> Result<usize, RuleError> {
        let most = limits::RECOMMENDATIONS_MAX;
        let (column, token) = self.next("a whole number")?;
        if let Token::Number(number) = token
            && number.fract() == 0.0
            && (least as f64..=most as f64).contains(&number)
        {
            return Ok(number as usize);
        }
        let reason = format!(
            "expected a whole number in {least}..={most}, found {}",
            token.shown()
        );
        Err(RuleError::at(column, reason))
    }

    fn group(&mut self) -> Result<Group, RuleError> {
        const GROUPS: &str = "`artist`, `album` or `genre`";
        let (column, token) = self.next(GROUPS)?;
        match &token {
            Token::Word(word) if word == "artist" => Ok(Group::Artist),
            Token::Word(word) if word == "album" => Ok(Group::Album),
            Token::Word(word) if word == "genre" => Ok(Group::Genre),
            _ => Err(RuleError::at(
                column,
                format!("expected {GROUPS}, found {}", token.shown()),
            )),
        }
    }

    fn either(&mut self) -> Result<Condition, RuleError> {
        let mut parts = vec![self.both()?];
        while self.takes_word("or") {
            parts.push(self.both()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Condition::Any(parts)
        })
    }

    fn both(&mut self) -> Result<Condition, RuleError> {
        let mut parts = vec![self.one()?];
        while self.takes_word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Condition::All(parts)
        })
    }

    fn one(&mut self) -> Result<Condition, RuleError> {
        let column = self.column();
        self.depth += 1;
        if self.depth > limits::RULE_DEPTH_MAX {
            let reason = format!(
                "more than {} brackets and `not` within each other",
                limits::RULE_DEPTH_MAX
            );
            return Err(RuleError::at(column, reason));
        }
        let condition = if self.takes_word("not") {
            Condition::Not(Box::new(self.one()?))
        } else if self.takes_sign("(") {
            let inner = self.either()?;
            self.expect_sign(")")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn comparison(&mut self) -> Result<Condition, RuleError> {
        let column = self.column();
        let field = self.field()?;
        if self.takes_word("is") {
            if self.takes_word("known") {
                return Ok(Condition::Known(field));
            }
            return Err(RuleError::at(self.column(), "expected `known` after `is`"));
        }
        if self.takes_word("in") {
            return self.list_of(field);
        }
        if self.takes_word("contains") {
            let operand = self.operand()?;
            return contains(field, operand);
        }
        let signs = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        let found = signs.iter().find(|(sign, _)| self.takes_sign(sign));
        match found {
            Some((_, comparison)) => {
                let operand = self.operand()?;
                compared(field, *comparison, operand)
            }
            None if field.field_type() == FieldType::Flag => Ok(Condition::Compare(
                field,
                Comparison::Equal,
                Operand::Flag(true),
            )),
            None => {
                let reason = format!(
                    "`{}` is {}: expected a comparison after it",
                    field.name(),
                    field.field_type().noun()
                );
                Err(RuleError::at(column, reason))
            }
        }
    }

    fn field(&mut self) -> Result<Field, RuleError> {
        let (column, token) = self.next("a field such as `track.year`")?;
        let Token::Word(word) = &token else {
            let reason = format!(
                "expected a field such as `track.year`, found {}",
                token.shown()
            );
            return Err(RuleError::at(column, reason));
        };
        let field = Field::ALL.iter().find(|field| field.name() == word);
        field.copied().ok_or_else(|| {
            let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
            let reason = format!("there is no field `{word}`; there are {}", names.join(", "));
            RuleError::at(column, reason)
        })
    }

    fn list_of(&mut self, field: Field) -> Result<Condition, RuleError> {
        self.expect_sign("[")?;
        let mut parts = Vec::new();
        loop {
            let operand = self.operand()?;
            parts.push(compared(field, Comparison::Equal, operand)?);
            if !self.takes_sign(",") {
                break;
            }
        }
        self.expect_sign("]")?;
        Ok(Condition::Any(parts))
    }

    fn operand(&mut self) -> Result<(usize, Operand), RuleError> {
        const OPERANDS: &str = "a number, a text in quotes, `true` or `false`";
        let (column, token) = self.next(OPERANDS)?;
        let operand = match token {
            Token::Number(number) => Operand::Number(number),
            Token::Text(text) => Operand::Text(text.to_lowercase()),
            Token::Word(word) if word == "true" => Operand::Flag(true),
            Token::Word(word) if word == "false" => Operand::Flag(false),
            other => {
                let reason = format!("expected {OPERANDS}, found {}", other.shown());
                return Err(RuleError::at(column, reason));
            }
        };
        Ok((column, operand))
    }
}

fn contains(field: Field, (column, operand): (usize, Operand)) -> Result<Condition, RuleError> {
    let is_text = matches!(field.field_type(), FieldType::Text | FieldType::List);
    match operand {
        Operand::Text(text) if is_text => Ok(Condition::Contains(field, text)),
        _ => {
            let reason = format!(
                "`contains` asks a text of a text or list, `{}` is {}",
                field.name(),
                field.field_type().noun()
            );
            Err(RuleError::at(column, reason))
        }
    }
}

/// Refuses to compare what cannot be equal.
fn compared(
    field: Field,
    comparison: Comparison,
    (column, operand): (usize, Operand),
) -> Result<Condition, RuleError> {
    let is_order = !matches!(comparison, Comparison::Equal | Comparison::Unequal);
    let fits = match (&operand, field.field_type()) {
        (Operand::Number(_), FieldType::Number) => true,
        (Operand::Text(_), FieldType::Text) | (Operand::Flag(_), FieldType::Flag) => !is_order,
        _ => false,
    };
    if fits {
        return Ok(Condition::Compare(field, comparison, operand));
    }
    let advice = match field.field_type() {
        FieldType::List => "; ask it with `contains`",
        FieldType::Text | FieldType::Flag if is_order => "; only numbers have an order",
        _ => "",
    };
    let reason = format!(
        "`{}` is {}{advice}",
        field.name(),
        field.field_type().noun()
    );
    Err(RuleError::at(column, reason))
}
