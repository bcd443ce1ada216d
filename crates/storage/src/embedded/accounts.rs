//! Tenants, keys and audit in `control.db`.

use async_trait::async_trait;
use leitmotif_domain::error::InvalidValue;
use leitmotif_domain::page::{Page, PageRequest};
use leitmotif_domain::tenant::{ApiKeyRecord, Scopes, Tenant};
use leitmotif_domain::{KeyId, OperatorScope, TenantId, TenantScope, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::catalog_rows::page_start;
use super::{EmbeddedStorage, audit_rows as audit, blocking};
use crate::arguments::page_position;
use crate::error::{Error, Result};
use crate::ports::{Accounts, AuditEntry};

const KEY_COLUMNS: &str = "id, tenant, prefix, secret_hash, scopes, label, created_at, expires_at";

#[async_trait]
impl Accounts for EmbeddedStorage {
    async fn create_tenant(&self, operator: &OperatorScope, tenant: Tenant) -> Result<()> {
        leitmotif_domain::tenant::check_tenant_name(&tenant.name)?;
        // The folder comes first: a tenant without one would answer with errors, a folder without
        // a tenant is only an empty folder.
        let folder = self.folder(tenant.id);
        std::fs::create_dir_all(&folder)?;
        let (operator, now) = (operator.clone(), self.clock.now());
        let work = move |db: &Connection| {
            let inserted = db.execute(
                "INSERT OR IGNORE INTO tenants (id, name, created_at) VALUES (?, ?, ?)",
                params![key_of(tenant.id), tenant.name, tenant.created_at.as_ms()],
            )?;
            if inserted == 0 {
                if !is_known(db, tenant.id)? {
                    // Only the folder made above: it is removed if it is empty.
                    let _ = std::fs::remove_dir(&folder);
                }
                let reason = format!("a tenant named `{}` exists", tenant.name);
                return Err(Error::Conflict { reason });
            }
            audit::record(db, &operator, now, &format!("create tenant {}", tenant.id))
        };
        self.control.write(work).await
    }

    async fn list_tenants(
        &self,
        operator: &OperatorScope,
        page: &PageRequest,
    ) -> Result<Page<Tenant>> {
        let (operator, now, page) = (operator.clone(), self.clock.now(), page.clone());
        let work = move |db: &Connection| {
            audit::record(db, &operator, now, "list tenants")?;
            let sql = "SELECT id, name, created_at FROM tenants WHERE id > ? ORDER BY id LIMIT ?";
            let mut statement = db.prepare_cached(sql)?;
            let start = page_start(&page, 0)?;
            let rows = statement.query_map(params![start, page.limit() as i64 + 1], tenant_of)?;
            let items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(Page::from_surplus(items, page.limit(), |tenant| {
                tenant.id.to_string()
            }))
        };
        self.control.write(work).await
    }

    async fn delete_tenant(&self, operator: &OperatorScope, id: TenantId) -> Result<bool> {
        let (operator, now) = (operator.clone(), self.clock.now());
        let work = move |db: &Connection| {
            db.execute("DELETE FROM keys WHERE tenant = ?", [key_of(id)])?;
            let removed = db.execute("DELETE FROM tenants WHERE id = ?", [key_of(id)])?;
            audit::record(db, &operator, now, &format!("delete tenant {id}"))?;
            Ok(removed > 0)
        };
        let was_there = self.control.write(work).await?;
        let doomed = self.take_away(id)?;
        blocking(move || match std::fs::remove_dir_all(&doomed) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        })
        .await?;
        Ok(was_there)
    }

    async fn own_tenant(&self, scope: &TenantScope) -> Result<Option<Tenant>> {
        let key = key_of(scope.tenant());
        let work = move |db: &Connection| {
            let sql = "SELECT id, name, created_at FROM tenants WHERE id = ?";
            Ok(db.query_row(sql, [key], tenant_of).optional()?)
        };
        self.control.read(work).await
    }

    async fn put_key(&self, scope: &TenantScope, key: ApiKeyRecord) -> Result<()> {
        if key.tenant != scope.tenant() {
            return Err(InvalidValue::new("tenant", "the key names another tenant").into());
        }
        self.control.write(move |db| insert_key(db, &key)).await
    }

    async fn put_key_of(&self, operator: &OperatorScope, key: ApiKeyRecord) -> Result<()> {
        let (operator, now) = (operator.clone(), self.clock.now());
        let work = move |db: &Connection| {
            insert_key(db, &key)?;
            let action = format!("issue key {} for tenant {}", key.id, key.tenant);
            audit::record(db, &operator, now, &action)
        };
        self.control.write(work).await
    }

    async fn find_key(&self, prefix: &str) -> Result<Option<ApiKeyRecord>> {
        let prefix = prefix.to_owned();
        let work = move |db: &Connection| {
            let sql = format!("SELECT {KEY_COLUMNS} FROM keys WHERE prefix = ?");
            let mut statement = db.prepare_cached(&sql)?;
            Ok(statement.query_row([prefix], record_of).optional()?)
        };
        self.control.read(work).await
    }

    async fn list_keys(
        &self,
        scope: &TenantScope,
        page: &PageRequest,
    ) -> Result<Page<ApiKeyRecord>> {
        let (tenant, page) = (key_of(scope.tenant()), page.clone());
        let work = move |db: &Connection| {
            let sql = format!(
                "SELECT {KEY_COLUMNS} FROM keys WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?"
            );
            let mut statement = db.prepare_cached(&sql)?;
            let arguments = params![tenant, page_start(&page, 0)?, page.limit() as i64 + 1];
            let rows = statement.query_map(arguments, record_of)?;
            let items = rows.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(Page::from_surplus(items, page.limit(), |key| {
                key.id.to_string()
            }))
        };
        self.control.read(work).await
    }

    async fn expire_key(&self, scope: &TenantScope, id: KeyId, at: Timestamp) -> Result<bool> {
        let tenant = key_of(scope.tenant());
        let work = move |db: &Connection| {
            let changed = db.execute(
                "UPDATE keys SET expires_at = ?1 WHERE id = ?2 AND tenant = ?3",
                params![at.as_ms(), id.as_u128().to_be_bytes(), tenant],
            )?;
            Ok(changed > 0)
        };
        self.control.write(work).await
    }

    async fn audit_log(
        &self,
        _operator: &OperatorScope,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>> {
        let after = page_position(page, 0)?;
        let page = page.clone();
        self.control
            .read(move |db| audit::list(db, &page, after))
            .await
    }
}

impl EmbeddedStorage {
    /// Moves a tenant's folder aside and forgets its open files in one step, so that no call can
    /// open them again half removed.
    fn take_away(&self, id: TenantId) -> Result<std::path::PathBuf> {
        let doomed = self.root.join("removed").join(id.to_string());
        std::fs::create_dir_all(self.root.join("removed"))?;
        let mut tenants = self.tenants.lock();
        tenants.open.remove(&id);
        match std::fs::rename(self.folder(id), &doomed) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(doomed),
        }
    }
}

fn insert_key(db: &Connection, key: &ApiKeyRecord) -> Result<()> {
    let tenant = key_of(key.tenant);
    if !is_known(db, key.tenant)? {
        return Err(Error::not_found("tenant", key.tenant));
    }
    let inserted = db.execute(
        &format!("INSERT OR IGNORE INTO keys ({KEY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
        params![
            key.id.as_u128().to_be_bytes(),
            tenant,
            key.prefix,
            key.secret_hash,
            key.scopes.bits(),
            key.label,
            key.created_at.as_ms(),
            key.expires_at.map(Timestamp::as_ms),
        ],
    )?;
    if inserted == 0 {
        let sql = format!("SELECT {KEY_COLUMNS} FROM keys WHERE id = ?");
        let stored = db
            .query_row(&sql, [key.id.as_u128().to_be_bytes()], record_of)
            .optional()?;
        if stored.as_ref() != Some(key) {
            let reason = format!("another key with the id or prefix of `{}` exists", key.id);
            return Err(Error::Conflict { reason });
        }
    }
    Ok(())
}

fn is_known(db: &Connection, tenant: TenantId) -> Result<bool> {
    let mut find = db.prepare_cached("SELECT 1 FROM tenants WHERE id = ?")?;
    Ok(find.exists([key_of(tenant)])?)
}

fn tenant_of(row: &Row<'_>) -> rusqlite::Result<Tenant> {
    Ok(Tenant {
        id: TenantId::from_u128(u128::from_be_bytes(row.get(0)?)),
        name: row.get(1)?,
        created_at: Timestamp::from_ms(row.get(2)?),
    })
}

fn record_of(row: &Row<'_>) -> rusqlite::Result<ApiKeyRecord> {
    Ok(ApiKeyRecord {
        id: KeyId::from_u128(u128::from_be_bytes(row.get(0)?)),
        tenant: TenantId::from_u128(u128::from_be_bytes(row.get(1)?)),
        prefix: row.get(2)?,
        secret_hash: row.get(3)?,
        scopes: Scopes::from_bits(row.get(4)?),
        label: row.get(5)?,
        created_at: Timestamp::from_ms(row.get(6)?),
        expires_at: row.get::<_, Option<i64>>(7)?.map(Timestamp::from_ms),
    })
}

fn key_of(tenant: TenantId) -> [u8; 16] {
    tenant.as_u128().to_be_bytes()
}
