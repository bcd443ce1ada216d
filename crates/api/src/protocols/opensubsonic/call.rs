//! Who calls, and with which parameters.

use leitmotif_domain::TenantScope;
use leitmotif_domain::tenant::Scope;

use super::errors::{Failure, Form};
use crate::middleware::auth::{Caller, ReadAccess};
use crate::native::constraints::ConstraintQuery;
use crate::protocols::catalogue::Wanted;

/// A call that may be answered.
pub struct Call<'c> {
    form: &'c Form,
    caller: Caller,
}

/// Lets a caller in who holds the scope.
///
/// The password is an API key, and the user is the key's label. A salted hash of the password
/// cannot be checked: the key itself is not kept, only its hash.
pub fn admit(form: &Form, caller: Option<Caller>, needed: Scope) -> Result<Call<'_>, Failure> {
    let has = |name: &str| form.get(name).is_some();
    if has("apiKey") && has("u") {
        return Err(Failure::new(43, "send either apiKey or u, not both"));
    }
    if has("t") && !has("p") && !has("apiKey") {
        let detail = "only the hash of a key is kept, so a salted token cannot be checked; \
                      send the key as apiKey, or as password (p)";
        return Err(Failure::new(41, detail));
    }
    let Some(caller) = caller else {
        return Err(match (has("apiKey"), has("p")) {
            (true, _) => Failure::new(44, "invalid API key"),
            (false, true) => Failure::new(40, "wrong username or password"),
            (false, false) => Failure::missing("apiKey"),
        });
    };
    let is_somebody_else = form
        .get("u")
        .is_some_and(|user| user != caller.principal.label());
    if is_somebody_else {
        let detail = "wrong username or password: the user is the label of the key";
        return Err(Failure::new(40, detail));
    }
    if !caller.principal.scopes().has(needed) {
        let detail = format!("the key does not hold `{}`", needed.name());
        return Err(Failure::new(50, detail));
    }
    Ok(Call { form, caller })
}

impl Call<'_> {
    /// Permission to reach the tenant's data.
    pub fn scope(&self) -> &TenantScope {
        &self.caller.scope
    }

    /// Who listens: the label of the key.
    pub fn listener(&self) -> Result<&str, Failure> {
        let name = self.caller.principal.label();
        if name.trim().is_empty() {
            let detail = "the label of the key is the name of the listener, and this one has none";
            return Err(Failure::new(50, detail));
        }
        Ok(name)
    }

    /// A parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.form.get(name)
    }

    /// Every value of a parameter, in order.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.form.all(name)
    }

    /// What similar songs must satisfy: parameters of our own API, which players leave out.
    pub fn wanted(&self) -> Result<Wanted, Failure> {
        let constraints = ConstraintQuery::of_form(|name| self.get(name))?;
        Ok(Wanted {
            constraints,
            may_read_lyrics: ReadAccess(self.caller.clone()).may_read_lyrics(),
        })
    }

    /// A parameter that must be there.
    pub fn needed(&self, name: &'static str) -> Result<&str, Failure> {
        self.get(name)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| Failure::missing(name))
    }

    /// A whole number with what it is when left out, cut at `most`.
    pub fn count(&self, name: &str, otherwise: usize, most: usize) -> Result<usize, Failure> {
        let Some(text) = self.get(name) else {
            return Ok(otherwise);
        };
        let parsed: Result<usize, _> = text.parse();
        let count = parsed.map_err(|_| Failure::new(0, format!("{name} is no whole number")))?;
        Ok(count.min(most))
    }
}
