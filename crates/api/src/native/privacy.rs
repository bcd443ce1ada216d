//! Who may see what a listener did in private.

use leitmotif_domain::ListenerId;
use leitmotif_domain::event::Event;
use leitmotif_domain::tenant::Scope;

use crate::middleware::auth::Caller;

/// Whether a caller may see an event. Private plays are for the listener's own key, which carries
/// their name as its label, and for keys that manage the tenant.
pub fn may_see(caller: &Caller, event: &Event) -> bool {
    !event.payload.is_private() || sees_private(caller, event.listener)
}

fn sees_private(caller: &Caller, listener: Option<ListenerId>) -> bool {
    let own = ListenerId::of_name(caller.scope.tenant(), caller.principal.label());
    caller.principal.scopes().has(Scope::Admin) || listener == Some(own)
}
