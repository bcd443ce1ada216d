//! Signatures of messages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use leitmotif_domain::webhook::WebhookSecret;
use sha2::Sha256;

/// Signs a message: `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.
///
/// - Units: `at_s` in seconds since the epoch.
/// - Source: Standard Webhooks 1.0, "Signature scheme", symmetric.
pub fn sign(secret: &WebhookSecret, message_id: &str, at_s: i64, body: &[u8]) -> String {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(secret.expose())
        .expect("HMAC takes a key of any length");
    mac.update(message_id.as_bytes());
    mac.update(format!(".{at_s}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// A secret as receivers are given it.
pub fn secret_text(secret: &WebhookSecret) -> String {
    format!("whsec_{}", STANDARD.encode(secret.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the reference implementations, computed anew with Python's `hmac`.
    #[test]
    fn the_published_example_is_signed_alike() {
        let bytes = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let secret = WebhookSecret::from_bytes(bytes);
        let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
        let signed = sign(&secret, id, 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(
            secret_text(&secret),
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        );
    }
}
