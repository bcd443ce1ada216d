//! What tells others of what happens, started.

use std::sync::Arc;

use leitmotif_api::metrics::Metrics;
use leitmotif_api::middleware::daily::DailyRequests;
use leitmotif_api::webhooks::{Deliveries, DeliveryParts, Notices};
use leitmotif_domain::Clock;
use leitmotif_domain::chance::Entropy;
use leitmotif_ingest::jobs::TenantDirectory;
use leitmotif_recommend::Recommender;
use leitmotif_storage::ports::{EventLog, WebhookStore};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::courier::HttpCourier;
use crate::settings::Settings;

/// What telling needs.
pub struct Telling<'p> {
    /// Who is told.
    pub webhooks: Arc<dyn WebhookStore>,
    /// What happened.
    pub log: Arc<dyn EventLog>,
    /// The tenants.
    pub directory: &'p Arc<TenantDirectory>,
    /// Knows who plays what.
    pub recommender: &'p Arc<Recommender>,
    /// Counts requests.
    pub daily: &'p Arc<DailyRequests>,
    /// The time.
    pub clock: &'p Arc<dyn Clock>,
    /// Encrypts connections to receivers.
    pub tls: Option<TlsConnector>,
    /// Chance.
    pub entropy: &'p Arc<dyn Entropy>,
}

impl Telling<'_> {
    /// Starts deliveries and the notices of the day where that is the role of the process; both end when `stop` turns
    /// true.
    pub fn start(
        &self,
        settings: &Settings,
        metrics: &Metrics,
        stop: &watch::Sender<bool>,
    ) -> (Arc<Deliveries>, Vec<JoinHandle<()>>) {
        let deliveries = Arc::new(Deliveries::new(DeliveryParts {
            webhooks: Arc::clone(&self.webhooks),
            log: Arc::clone(&self.log),
            courier: Arc::new(HttpCourier {
                may_be_private: settings.webhook_private_addresses,
                tls: self.tls.clone(),
            }),
            directory: Arc::clone(self.directory),
            clock: Arc::clone(self.clock),
            entropy: Arc::clone(self.entropy),
            outcomes: metrics.deliveries.clone(),
        }));
        let notices = Notices {
            webhooks: Arc::clone(&self.webhooks),
            log: Arc::clone(&self.log),
            recommender: Arc::clone(self.recommender),
            daily: Arc::clone(self.daily),
            directory: Arc::clone(self.directory),
            clock: Arc::clone(self.clock),
        };
        let tellers = if settings.role.follows() {
            vec![
                tokio::spawn(Arc::clone(&deliveries).run(stop.subscribe())),
                tokio::spawn(notices.run(stop.subscribe())),
            ]
        } else {
            Vec::new()
        };
        (deliveries, tellers)
    }
}
