//! Rows of `listing_gateway_endpoints`: what is secret in them is ciphertext, bound to its listing and column.

use crochet_market::{EndpointStatus, GatewayEndpoint, PreviousSecret, UpstreamAuthHeader};
use crochet_primitives::Timestamp;
use crochet_secrets::{ExposeSecret, MasterKeys, SecretString};
use crochet_signing::SigningSecret;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::convert::{misread, number, word};
use super::schema::listing_gateway_endpoints as table;
use super::sealing::{self, Sealing};
use crate::error::DbError;

pub(super) const PRIVATE_URL: &str = "private_url";
pub(super) const UPSTREAM_AUTH: &str = "upstream_auth";
pub(super) const SIGNING_SECRET: &str = "signing_secret";
pub(super) const PREVIOUS_SECRET: &str = "previous_secret";

/// An endpoint as it is stored.
#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg), primary_key(listing_id), treat_none_as_null = true)]
pub(crate) struct EndpointRow {
    listing_id: Uuid,
    private_url: Vec<u8>,
    host_hint: String,
    upstream_auth: Option<Vec<u8>>,
    signing_secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
    previous_valid_until: Option<Timestamp>,
    timeout_ms: i32,
    max_request_bytes: i32,
    max_response_bytes: i32,
    status: String,
    revision: i32,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The header inside its ciphertext.
#[derive(Serialize, Deserialize)]
struct Header {
    name: String,
    value: String,
}

impl EndpointRow {
    /// Encrypts an endpoint.
    pub(crate) fn seal(endpoint: &GatewayEndpoint, sealing: &Sealing) -> Result<Self, DbError> {
        let listing = endpoint.listing.uuid();
        let seal = |column: &str, secret: &SecretString| sealing.seal(listing, column, secret);
        let signing = |secret: &SigningSecret| SecretString::from(secret.expose());
        let upstream_auth = match &endpoint.upstream_auth_header {
            Some(header) => {
                Some(seal(UPSTREAM_AUTH, &write_header(header).ok_or_else(|| misread(UPSTREAM_AUTH, listing))?)?)
            }
            None => None,
        };
        let previous = endpoint.previous_secret.as_ref();
        Ok(Self {
            listing_id: listing,
            private_url: seal(PRIVATE_URL, &endpoint.url)?,
            host_hint: endpoint.host_hint.clone(),
            upstream_auth,
            signing_secret: seal(SIGNING_SECRET, &signing(&endpoint.signing_secret))?,
            previous_secret: previous.map(|previous| seal(PREVIOUS_SECRET, &signing(&previous.secret))).transpose()?,
            previous_valid_until: previous.map(|previous| previous.valid_until),
            timeout_ms: number(endpoint.timeout_ms, "timeout_ms", listing)?,
            max_request_bytes: number(endpoint.max_request_bytes, "max_request_bytes", listing)?,
            max_response_bytes: number(endpoint.max_response_bytes, "max_response_bytes", listing)?,
            status: endpoint.status.as_str().to_owned(),
            revision: number(endpoint.revision, "revision", listing)?,
            created_at: endpoint.created_at,
            updated_at: endpoint.updated_at,
        })
    }

    /// Decrypts it.
    pub(crate) fn open(self, keys: &MasterKeys) -> Result<GatewayEndpoint, DbError> {
        let listing = self.listing_id;
        let open = |column: &str, sealed: &[u8]| sealing::open(keys, listing, column, sealed);
        let signing = |column: &str, sealed: &[u8]| {
            SigningSecret::parse(open(column, sealed)?.expose_secret().to_owned()).map_err(|_| misread(column, listing))
        };
        let upstream_auth_header = match &self.upstream_auth {
            Some(sealed) => {
                let header = read_header(&open(UPSTREAM_AUTH, sealed)?);
                Some(header.ok_or_else(|| misread(UPSTREAM_AUTH, listing))?)
            }
            None => None,
        };
        let previous_secret = match (&self.previous_secret, self.previous_valid_until) {
            (Some(sealed), Some(valid_until)) => {
                Some(PreviousSecret { secret: signing(PREVIOUS_SECRET, sealed)?, valid_until })
            }
            _ => None,
        };
        Ok(GatewayEndpoint {
            listing: listing.into(),
            url: open(PRIVATE_URL, &self.private_url)?,
            upstream_auth_header,
            signing_secret: signing(SIGNING_SECRET, &self.signing_secret)?,
            previous_secret,
            timeout_ms: number(self.timeout_ms, "timeout_ms", listing)?,
            max_request_bytes: number(self.max_request_bytes, "max_request_bytes", listing)?,
            max_response_bytes: number(self.max_response_bytes, "max_response_bytes", listing)?,
            status: word(EndpointStatus::parse, &self.status, "status", listing)?,
            revision: number(self.revision, "revision", listing)?,
            host_hint: self.host_hint,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }

    /// Whose it is.
    pub(crate) const fn listing(&self) -> Uuid {
        self.listing_id
    }

    /// Whether it is based on what is stored now, which the lock on its listing keeps from changing.
    pub(crate) fn is_next(&self, conn: &mut PgConnection) -> QueryResult<bool> {
        let stored: Option<i32> = table::table.find(self.listing_id).select(table::revision).first(conn).optional()?;
        Ok(stored.unwrap_or(0).checked_add(1) == Some(self.revision))
    }

    /// Writes it in place of what is stored.
    pub(crate) fn write(&self, conn: &mut PgConnection) -> QueryResult<usize> {
        diesel::insert_into(table::table)
            .values(self)
            .on_conflict(table::listing_id)
            .do_update()
            .set(self)
            .execute(conn)
    }
}

/// Reads an endpoint, still encrypted.
pub(crate) fn find(conn: &mut PgConnection, listing: Uuid) -> QueryResult<Option<EndpointRow>> {
    table::table.find(listing).select(EndpointRow::as_select()).first(conn).optional()
}

fn write_header(header: &UpstreamAuthHeader) -> Option<SecretString> {
    let header = Header { name: header.name.clone(), value: header.value.expose_secret().to_owned() };
    serde_json::to_string(&header).ok().map(SecretString::from)
}

fn read_header(json: &SecretString) -> Option<UpstreamAuthHeader> {
    let header: Header = serde_json::from_str(json.expose_secret()).ok()?;
    Some(UpstreamAuthHeader { name: header.name, value: header.value.into() })
}
