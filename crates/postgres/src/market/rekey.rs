//! Rotation of the master key: what is sealed with which key, and sealing anew what is not sealed with the first.

use std::collections::BTreeMap;

use crochet_primitives::{ListingId, StorageError};
use crochet_secrets::{DecryptError, MasterKeys};
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool, Integer};
use uuid::Uuid;

use super::PgCatalogue;
use super::endpoints::{PREVIOUS_SECRET, PRIVATE_URL, SIGNING_SECRET, UPSTREAM_AUTH};
use super::schema::listing_gateway_endpoints as table;
use super::sealing::Sealing;
use crate::error::DbError;

/// How many endpoints a survey reads at once.
const PAGE: i64 = 500;
/// How many of the secrets that do not open a survey names.
const NAMED: usize = 20;

/// Which master keys the stored secrets are sealed with, each of them opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeySurvey {
    /// How many secrets open with which key, by its id.
    pub opened: BTreeMap<String, u64>,
    /// How many endpoints have a secret that opens, and is not sealed with the first master key.
    pub endpoints_to_reseal: u64,
    /// How many secrets name a key that is not configured, by its id.
    pub missing: BTreeMap<String, u64>,
    /// How many are altered, moved, or sealed with another key of the same id.
    pub broken: u64,
    /// The first twenty of those.
    pub examples: Vec<Unopened>,
}

/// A secret that does not open although its key is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// Whose endpoint.
    pub listing: ListingId,
    /// Which of its secrets.
    pub column: &'static str,
    /// Why not.
    pub reason: DecryptError,
}

/// What one step of a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rekeyed {
    /// The last endpoint that was looked at: where the next step goes on.
    pub last: ListingId,
    /// How many endpoints were looked at.
    pub endpoints: u64,
    /// How many secrets were sealed anew. Those that do not open are left as they are.
    pub secrets: u64,
}

/// The secrets of an endpoint, as they are stored.
#[derive(Queryable, Selectable, AsChangeset)]
#[diesel(table_name = table, check_for_backend(diesel::pg::Pg), primary_key(listing_id), treat_none_as_null = true)]
struct Sealed {
    listing_id: Uuid,
    private_url: Vec<u8>,
    upstream_auth: Option<Vec<u8>>,
    signing_secret: Vec<u8>,
    previous_secret: Option<Vec<u8>>,
}

impl Sealed {
    /// Those that there are, each with the column that it is sealed for.
    fn secrets(&mut self) -> impl Iterator<Item = (&'static str, &mut Vec<u8>)> {
        [
            (PRIVATE_URL, Some(&mut self.private_url)),
            (UPSTREAM_AUTH, self.upstream_auth.as_mut()),
            (SIGNING_SECRET, Some(&mut self.signing_secret)),
            (PREVIOUS_SECRET, self.previous_secret.as_mut()),
        ]
        .into_iter()
        .filter_map(|(column, sealed)| sealed.map(|sealed| (column, sealed)))
    }
}

impl PgCatalogue {
    /// Opens every stored secret and says which keys they need; changes nothing.
    ///
    /// # Errors
    /// Like any use of the database. A secret that does not open is no error.
    pub async fn survey_keys(&self) -> Result<KeySurvey, StorageError> {
        let (mut survey, mut after) = (KeySurvey::default(), Uuid::nil());
        loop {
            let page = self.db.run(move |conn| Ok(page(conn, after)?)).await?;
            let Some(last) = page.last() else {
                return Ok(survey);
            };
            after = last.listing_id;
            for endpoint in page {
                survey.count(endpoint, &self.sealing);
            }
        }
    }

    /// Seals with the first master key what is sealed with another one in the next `limit` endpoints (at least one)
    /// after `after` that have such secrets; `None` once there are no more. One transaction that locks these endpoints
    /// alone, so that everything goes on meanwhile. Endpoints that need nothing are not touched: whoever was
    /// interrupted begins again from the start.
    ///
    /// # Errors
    /// Like any use of the database; then nothing of this step was done.
    pub async fn rekey(&self, after: Option<ListingId>, limit: u32) -> Result<Option<Rekeyed>, StorageError> {
        let (after, sealing) = (after.map_or_else(Uuid::nil, ListingId::uuid), self.sealing.clone());
        self.db.transaction(move |conn| reseal(conn, after, limit.max(1), &sealing)).await
    }
}

impl KeySurvey {
    fn count(&mut self, mut endpoint: Sealed, sealing: &Sealing) {
        let (listing, mut is_current) = (endpoint.listing_id, true);
        for (column, sealed) in endpoint.secrets() {
            let opened = sealing.check(listing, column, sealed).and_then(|()| MasterKeys::key_of(sealed));
            match opened {
                Ok(id) => {
                    is_current &= id == sealing.keys().current();
                    *self.opened.entry(id.to_owned()).or_default() += 1;
                }
                Err(DecryptError::UnknownKey { id }) => *self.missing.entry(id).or_default() += 1,
                Err(reason) => {
                    self.broken += 1;
                    if self.examples.len() < NAMED {
                        self.examples.push(Unopened { listing: listing.into(), column, reason });
                    }
                }
            }
        }
        self.endpoints_to_reseal += u64::from(!is_current);
    }
}

fn page(conn: &mut PgConnection, after: Uuid) -> QueryResult<Vec<Sealed>> {
    table::table
        .filter(table::listing_id.gt(after))
        .order(table::listing_id)
        .limit(PAGE)
        .select(Sealed::as_select())
        .load(conn)
}

fn reseal(conn: &mut PgConnection, after: Uuid, limit: u32, sealing: &Sealing) -> Result<Option<Rekeyed>, DbError> {
    let head = sealing.keys().head();
    // A column without a secret compares as NULL, which is not true.
    let needs = |column: &str| {
        let length = i32::try_from(head.len()).unwrap_or(i32::MAX);
        diesel::dsl::sql::<Bool>(&format!("(substring({column} FROM 1 FOR "))
            .bind::<Integer, _>(length)
            .sql(") <> ")
            .bind::<Binary, _>(head.clone())
            .sql(") IS TRUE")
    };
    let rows: Vec<Sealed> = table::table
        .filter(table::listing_id.gt(after))
        .filter(needs(PRIVATE_URL).or(needs(UPSTREAM_AUTH)).or(needs(SIGNING_SECRET)).or(needs(PREVIOUS_SECRET)))
        .order(table::listing_id)
        .limit(limit.into())
        .select(Sealed::as_select())
        .for_no_key_update()
        .load(conn)?;
    let Some(last) = rows.last().map(|row| row.listing_id.into()) else {
        return Ok(None);
    };
    let mut done = Rekeyed { last, endpoints: 0, secrets: 0 };
    for mut row in rows {
        let (listing, before) = (row.listing_id, done.secrets);
        for (column, sealed) in row.secrets().filter(|(_, sealed)| !sealed.starts_with(&head)) {
            // Whatever does not open stays: a survey says what it is.
            if let Ok(anew) = sealing.reseal(listing, column, sealed) {
                *sealed = anew;
                done.secrets += 1;
            }
        }
        if done.secrets > before {
            diesel::update(table::table.find(listing)).set(&row).execute(conn)?;
        }
        done.endpoints += 1;
    }
    Ok(Some(done))
}
