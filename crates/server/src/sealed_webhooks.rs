//! Webhook secrets at rest: encrypted by a key of the settings, where there is one.

use std::sync::Arc;

use async_trait::async_trait;
use leitmotif_domain::chance::Entropy;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::webhook::{DeadLetter, Pause, Webhook, WebhookSecret};
use leitmotif_domain::{TenantScope, WebhookId};
use leitmotif_storage::Error;
use leitmotif_storage::ports::WebhookStore;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// What stands before an encrypted secret; a plain one has 24 bytes by chance and never these.
const MARK: &[u8] = b"leitmotif sealed secret 1:";

type Result<T> = std::result::Result<T, Error>;

/// Encrypts the secrets of webhooks on their way into a store, and opens them on their way out.
///
/// - A secret is bound to its tenant and its webhook: put elsewhere, it does not open.
/// - Secrets that were stored before there was a key stay as they are and are read.
/// - Errors: `Unavailable` where a stored secret is encrypted and there is no key, or another one.
/// - Source: ChaCha20-Poly1305 (RFC 8439) with nonces drawn by chance: a tenant has sixteen webhooks, and two of
///   2⁹⁶ nonces do not meet.
pub struct SealedWebhooks {
    inner: Arc<dyn WebhookStore>,
    key: Option<LessSafeKey>,
    entropy: Arc<dyn Entropy>,
}

impl SealedWebhooks {
    /// A store over another one; without a key secrets are stored as they are.
    pub fn new(
        inner: Arc<dyn WebhookStore>,
        key: Option<[u8; 32]>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let key = key.map(|bytes| {
            let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes);
            LessSafeKey::new(key.expect("the algorithm has keys of 32 bytes"))
        });
        Self {
            inner,
            key,
            entropy,
        }
    }

    fn sealed(&self, scope: &TenantScope, webhook: Webhook) -> Result<Webhook> {
        let Some(key) = &self.key else {
            return Ok(webhook);
        };
        let mut nonce = [0; NONCE_LEN];
        self.entropy.fill(&mut nonce);
        let mut secret = webhook.secret.expose().to_vec();
        let (bound, given) = (
            bound_to(scope, webhook.id),
            Nonce::assume_unique_for_key(nonce),
        );
        key.seal_in_place_append_tag(given, Aad::from(bound), &mut secret)
            .map_err(|_| Error::bug("a webhook secret does not encrypt"))?;
        let stored = [MARK, &nonce, &secret].concat();
        Ok(Webhook {
            secret: WebhookSecret::from_bytes(stored),
            ..webhook
        })
    }

    fn opened(&self, scope: &TenantScope, webhook: Webhook) -> Result<Webhook> {
        let Some(sealed) = webhook.secret.expose().strip_prefix(MARK) else {
            return Ok(webhook);
        };
        let closed = |reason: &str| Error::Unavailable {
            backend: "the webhook secret",
            reason: reason.to_owned(),
        };
        let key = self.key.as_ref();
        let key = key.ok_or_else(|| closed("it is encrypted: set `webhook_secrets_key`"))?;
        let wrong = || closed("`webhook_secrets_key` is not the key that it was encrypted by");
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN).ok_or_else(wrong)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| wrong())?;
        let mut bytes = sealed.to_vec();
        let aad = Aad::from(bound_to(scope, webhook.id));
        let secret = key.open_in_place(nonce, aad, &mut bytes);
        let secret = WebhookSecret::from_bytes(secret.map_err(|_| wrong())?.to_vec());
        Ok(Webhook { secret, ..webhook })
    }
}

/// What a secret belongs to.
fn bound_to(scope: &TenantScope, webhook: WebhookId) -> Vec<u8> {
    let ids = [scope.tenant().as_u128(), webhook.as_u128()];
    ids.iter().flat_map(|id| id.to_be_bytes()).collect()
}

#[async_trait]
impl WebhookStore for SealedWebhooks {
    async fn add_webhook(&self, scope: &TenantScope, webhook: Webhook) -> Result<()> {
        let sealed = self.sealed(scope, webhook)?;
        self.inner.add_webhook(scope, sealed).await
    }

    async fn webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<Option<Webhook>> {
        let found = self.inner.webhook(scope, id).await?;
        found.map(|webhook| self.opened(scope, webhook)).transpose()
    }

    async fn list_webhooks(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<Webhook>> {
        let Page { items, next } = self.inner.list_webhooks(scope, page).await?;
        let opened = items.into_iter().map(|webhook| self.opened(scope, webhook));
        Ok(Page {
            items: opened.collect::<Result<_>>()?,
            next,
        })
    }

    async fn pause_webhook(
        &self,
        scope: &TenantScope,
        id: WebhookId,
        pause: Option<Pause>,
    ) -> Result<bool> {
        self.inner.pause_webhook(scope, id, pause).await
    }

    async fn delete_webhook(&self, scope: &TenantScope, id: WebhookId) -> Result<bool> {
        self.inner.delete_webhook(scope, id).await
    }

    async fn put_dead_letter(&self, scope: &TenantScope, letter: DeadLetter) -> Result<()> {
        self.inner.put_dead_letter(scope, letter).await
    }

    async fn dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<Option<DeadLetter>> {
        self.inner.dead_letter(scope, webhook, offset).await
    }

    async fn list_dead_letters(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        page: &PageRequest,
    ) -> Result<Page<DeadLetter>> {
        self.inner.list_dead_letters(scope, webhook, page).await
    }

    async fn delete_dead_letter(
        &self,
        scope: &TenantScope,
        webhook: WebhookId,
        offset: u64,
    ) -> Result<bool> {
        self.inner.delete_dead_letter(scope, webhook, offset).await
    }
}

#[cfg(test)]
mod tests {
    use leitmotif_domain::chance::{Seed, SeededEntropy};
    use leitmotif_domain::clock::ManualClock;
    use leitmotif_domain::tenant::{SealKey, Tenant};
    use leitmotif_domain::{ErrorKind, OperatorScope, TenantId, Timestamp};
    use leitmotif_storage::memory::MemoryStorage;
    use leitmotif_storage::ports::Accounts;

    use super::*;

    fn webhook(id: u128) -> Webhook {
        Webhook {
            id: WebhookId::from_u128(id),
            url: "http://example.org/".to_owned(),
            kinds: Vec::new(),
            secret: WebhookSecret::from_bytes(vec![7; 24]),
            created_at: Timestamp::from_ms(0),
            after_offset: 0,
            pause: None,
        }
    }

    #[tokio::test]
    async fn secrets_are_encrypted_for_their_webhook_and_plain_ones_still_read() {
        let entropy = Arc::new(SeededEntropy::new(Seed(1)));
        let clock = Arc::new(ManualClock::new(Timestamp::from_ms(0)));
        let storage = Arc::new(MemoryStorage::new(clock, entropy.clone()));
        let seal = SealKey::new([1; 32]);
        let tenant = Tenant {
            id: TenantId::from_u128(1),
            name: "t".to_owned(),
            created_at: Timestamp::from_ms(0),
        };
        let operator = OperatorScope::of_platform(&seal, "test");
        (storage.create_tenant(&operator, tenant.clone()).await).unwrap();
        let scope = seal.open(&seal.seal_for(&tenant)).unwrap();
        let store = |key| SealedWebhooks::new(storage.clone(), key, entropy.clone());
        let (plain, sealed) = (store(None), store(Some([9; 32])));
        plain.add_webhook(&scope, webhook(1)).await.unwrap();
        sealed.add_webhook(&scope, webhook(2)).await.unwrap();
        let raw = storage.webhook(&scope, WebhookId::from_u128(2)).await;
        let raw = raw.unwrap().unwrap();
        assert!(raw.secret.expose().starts_with(MARK));
        assert!(!raw.secret.expose().windows(24).any(|part| part == [7; 24]));
        let listed = sealed.list_webhooks(&scope, &PageRequest::largest()).await;
        assert_eq!(listed.unwrap().items, [webhook(1), webhook(2)]);
        for other in [plain, store(Some([8; 32]))] {
            assert!(other.webhook(&scope, WebhookId::from_u128(1)).await.is_ok());
            let closed = other.webhook(&scope, WebhookId::from_u128(2)).await;
            assert_eq!(closed.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        // The secret of one webhook in the place of another's.
        let moved = Webhook {
            id: WebhookId::from_u128(3),
            ..raw
        };
        storage.add_webhook(&scope, moved).await.unwrap();
        assert!(
            sealed
                .webhook(&scope, WebhookId::from_u128(3))
                .await
                .is_err()
        );
    }
}
