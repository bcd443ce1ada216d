//! The platform served over HTTP in this process, for tests that move its clock or write past its routes.

use leitmotif_domain::clock::ManualClock;
use leitmotif_domain::{TenantScope, Timestamp};
use tokio::net::TcpListener;

use super::*;
use crate::client::Client;
use crate::commands::serve::serve_router;

/// A platform over a folder of its own, and a client of it.
pub struct Served {
    pub client: Client,
    pub platform: Platform,
    pub clock: Arc<ManualClock>,
    /// The first tenant's.
    pub scope: TenantScope,
    stop: tokio::sync::oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: tempfile::TempDir,
}

impl Served {
    /// Starts it, with the clock at a moment.
    pub async fn start(at_ms: i64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings = Settings {
            data: folder.path().to_owned(),
            workers: 1,
            ..Settings::default()
        };
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(at_ms)));
        let platform = Platform::start_by(&settings, "local", "a test", clock.clone()).await;
        let platform = platform.expect("an empty folder opens");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("it is bound"));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let ended = async move { drop(stopped.await) };
        let serving = tokio::spawn(serve_router(listener, platform.router.clone(), ended));
        Self {
            scope: platform.directory.scopes().remove(0),
            client: Client::http(&base, &platform.local_key),
            platform,
            clock,
            stop,
            serving,
            _folder: folder,
        }
    }

    /// Ends serving, and then the platform.
    pub async fn stop(self) {
        drop((self.client, self.stop));
        let served = self.serving.await.expect("serving ends");
        served.expect("no socket fails");
        self.platform.stop().await.expect("the platform stops");
    }
}
