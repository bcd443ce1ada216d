//! Whose certificates are trusted when the server connects to others.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Where systems keep the certificates they trust: Debian and its kin, Fedora and its kin, Alpine and macOS.
const SYSTEM_BUNDLES: [&str; 3] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// Encrypted connections to receivers that the system trusts, or whom a file of further certificates names.
///
/// - Returns none where nobody is trusted, as in a container without certificates.
/// - Errors: a file of the settings that does not read or names nobody. What the system's file holds beyond what
///   reads is passed over.
pub fn connector(further: Option<&Path>) -> anyhow::Result<Option<TlsConnector>> {
    let mut roots = RootCertStore::empty();
    let bundle = SYSTEM_BUNDLES
        .iter()
        .map(Path::new)
        .find(|path| path.is_file());
    if let Some(read) = bundle.and_then(|path| CertificateDer::pem_file_iter(path).ok()) {
        roots.add_parsable_certificates(read.filter_map(Result::ok));
    }
    if let Some(path) = further {
        let unread = || format!("`webhook_roots`: cannot read `{}`", path.display());
        let mut count = 0;
        for certificate in CertificateDer::pem_file_iter(path).with_context(unread)? {
            roots
                .add(certificate.with_context(unread)?)
                .with_context(unread)?;
            count += 1;
        }
        anyhow::ensure!(
            count > 0,
            "`webhook_roots`: `{}` holds no certificate",
            path.display()
        );
    }
    if roots.is_empty() {
        return Ok(None);
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(TlsConnector::from(Arc::new(config))))
}
