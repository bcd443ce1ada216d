//! Cursor paging: stable under inserts, bounded.

use crate::error::InvalidValue;
use crate::limits;

/// Asks for the items after a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Items wanted, 1..=[`limits::PAGE_ITEMS_MAX`].
    limit: usize,
    /// The sort key of the last item seen; opaque outside the store.
    pub after: Option<String>,
}

impl PageRequest {
    /// Checks the bounds.
    ///
    /// - Errors: [`InvalidValue`] when `limit` is zero or too large.
    pub fn new(limit: Option<usize>, after: Option<String>) -> Result<Self, InvalidValue> {
        let limit = limit.unwrap_or(limits::PAGE_ITEMS_DEFAULT);
        if limit == 0 || limit > limits::PAGE_ITEMS_MAX {
            let reason = format!("{limit} is not in 1..={}", limits::PAGE_ITEMS_MAX);
            return Err(InvalidValue::new("limit", reason));
        }
        Ok(Self { limit, after })
    }

    /// The first page of the largest size, for walking everything.
    pub fn largest() -> Self {
        Self {
            limit: limits::PAGE_ITEMS_MAX,
            after: None,
        }
    }

    /// The next page of the same size.
    pub fn following(&self, after: String) -> Self {
        Self {
            limit: self.limit,
            after: Some(after),
        }
    }

    /// Items wanted.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

/// Some items and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, in the order of the listing.
    pub items: Vec<T>,
    /// The key to continue after; `None` at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Builds a page from up to `limit + 1` items: the surplus one only proves that more follow.
    pub fn from_surplus(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> Self {
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = if has_more {
            items.last().map(key)
        } else {
            None
        };
        Self { items, next }
    }

    /// Turns the items into something else.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_checked_at_the_bound() {
        assert!(PageRequest::new(Some(0), None).is_err());
        assert!(PageRequest::new(Some(limits::PAGE_ITEMS_MAX), None).is_ok());
        assert!(PageRequest::new(Some(limits::PAGE_ITEMS_MAX + 1), None).is_err());
        assert_eq!(
            PageRequest::new(None, None).unwrap().limit(),
            limits::PAGE_ITEMS_DEFAULT
        );
    }

    #[test]
    fn the_surplus_item_proves_that_more_follow() {
        let page = Page::from_surplus(vec![1, 2, 3], 2, ToString::to_string);
        assert_eq!(
            page,
            Page {
                items: vec![1, 2],
                next: Some("2".to_owned())
            }
        );
        let last = Page::from_surplus(vec![3], 2, ToString::to_string);
        assert_eq!(last.next, None);
    }
}
