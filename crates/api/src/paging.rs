//! Cursors: opaque, signed, bound to tenant, listing and filter.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::{TenantScope, limits};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::{IntoParams, ToSchema};

use crate::problem::Problem;
use crate::state::ApiState;

/// Bytes of the signature kept in a cursor: 64 bits, guessing is hopeless and the cursor short.
const SIGNATURE_BYTES: usize = 8;

/// How much of a listing, and from where.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items wanted, 1 to 200; 50 when left out.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Where a listing goes on.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PageInfo {
    /// Whether more items follow.
    pub has_more: bool,
    /// The cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A listing's cursors: `name` and `filter` must be the same on every page.
pub struct Listing<'l> {
    /// The state with the signing key.
    pub state: &'l ApiState,
    /// Whose listing.
    pub scope: &'l TenantScope,
    /// Which listing.
    pub name: &'l str,
    /// The filter as text.
    pub filter: String,
}

impl Listing<'_> {
    /// Reads the page asked for.
    ///
    /// - Errors: 400 for a limit out of bounds or a cursor of another listing.
    pub fn request(&self, query: &PageQuery) -> Result<PageRequest, Problem> {
        let after = match &query.cursor {
            Some(cursor) => Some(self.open(cursor).ok_or_else(|| {
                Problem::invalid("?cursor", "the cursor does not belong to this listing")
            })?),
            None => None,
        };
        PageRequest::new(query.limit, after).map_err(|_| {
            Problem::invalid(
                "?limit",
                format!("must be in 1..={}", limits::PAGE_ITEMS_MAX),
            )
        })
    }

    /// Says where the listing goes on.
    pub fn info<T>(&self, page: &Page<T>) -> PageInfo {
        let next_cursor = page.next.as_ref().map(|key| self.cursor(key));
        PageInfo {
            has_more: next_cursor.is_some(),
            next_cursor,
        }
    }

    /// The cursor of a position.
    pub fn cursor(&self, key: &str) -> String {
        let mut bytes = self.signature(key);
        bytes.extend_from_slice(key.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, cursor: &str) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (signature, key) = bytes.split_at_checked(SIGNATURE_BYTES)?;
        let key = String::from_utf8(key.to_vec()).ok()?;
        (self.signature(&key) == signature).then_some(key)
    }

    fn signature(&self, key: &str) -> Vec<u8> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&self.state.cursor_key)
            .expect("HMAC takes a key of any length");
        let tenant = self.scope.tenant().as_u128().to_be_bytes();
        for part in [
            &tenant[..],
            self.name.as_bytes(),
            self.filter.as_bytes(),
            key.as_bytes(),
        ] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes()[..SIGNATURE_BYTES].to_vec()
    }
}
