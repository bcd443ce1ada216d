//! `leitmotif serve`.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use anyhow::Context;
use axum::Router;
use tokio::net::TcpListener;

use crate::platform::Platform;
use crate::role::Role;
use crate::settings::Settings;

#[derive(clap::Args)]
pub struct Args {
    /// Where to listen; port 0 picks a free one.
    #[arg(long)]
    address: Option<SocketAddr>,
    /// What this process does of the whole. One data folder belongs to one process: parts that are to run side by side
    /// need stores that several may open.
    #[arg(long, value_enum, default_value_t)]
    role: Role,
}

/// Serves until the process is told to stop.
pub async fn run(args: Args, mut settings: Settings) -> anyhow::Result<()> {
    settings.address = args.address.unwrap_or(settings.address);
    settings.role = args.role;
    let listener = bind(settings.address).await?;
    let address = listener.local_addr()?;
    let platform = Platform::start(&settings, "default", &holder(address)).await?;
    if settings.role.answers() {
        println!("studio   http://{address}/studio");
        println!("api      http://{address}/api/v1   (description at /openapi.json)");
        println!("key      in {}", settings.data.join("local.key").display());
    } else {
        println!("probes   http://{address}/readyz and /metrics; this role answers nothing else");
    }
    serve(listener, platform).await
}

/// Takes the port.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}: choose another with --address"))
}

/// What a second process on the folder is told.
pub fn holder(address: SocketAddr) -> String {
    format!("process {} serving http://{address}", std::process::id())
}

/// Serves a built platform until SIGINT or SIGTERM, then stops in order: not ready, no new
/// connections, open requests answered, work finished, memory written down.
pub async fn serve(listener: TcpListener, platform: Platform) -> anyhow::Result<()> {
    let is_ready = platform.is_ready.clone();
    let shutdown = async move {
        stop_signal().await;
        is_ready.store(false, Ordering::Release);
    };
    serve_router(listener, platform.router.clone(), shutdown).await?;
    platform.stop().await
}

/// Serves the routes until `shutdown`.
///
/// As a make-service: served as it is, a router is laid out anew for every connection, which takes some 390 kB
/// and a millisecond each with all our routes.
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router.into_make_service())
        .with_graceful_shutdown(shutdown)
        .await
}

async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            // Without the handler SIGTERM ends the process at once, which storage survives.
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
