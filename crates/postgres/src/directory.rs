//! Listings and wallets as the gateway sees them.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::TimeDelta;
use crochet_market::{EndpointStatus, GatewayEndpoint, ListingStatus};
use crochet_pricing::MicroUsd;
use crochet_primitives::{ListingId, ProfileId, StorageError, Timestamp};
use crochet_relay::ports::{Directory, Input, Offer, PayablePage, PayableQuery, PayoutWallets};
use crochet_relay::{Endpoint, PayerWallet, UpstreamAuth};
use crochet_secrets::MasterKeys;
use crochet_wallet::Chain;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use crate::Db;
use crate::clock::clock_timestamp;
use crate::error::DbError;
use crate::market::endpoints::EndpointRow;
use crate::market::listings::price;
use crate::market::schema::{listing_gateway_endpoints, listings, profile_wallets};
use crate::market::{inputs, payable};

/// For how long a price may still be paid that was read before it changed.
const FORMER_PRICE: TimeDelta = TimeDelta::minutes(5);

/// [`Directory`] on PostgreSQL. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PgDirectory {
    db: Db,
    keys: Arc<MasterKeys>,
}

impl PgDirectory {
    /// On this database; `keys` decrypts endpoints.
    #[must_use]
    pub const fn new(db: Db, keys: Arc<MasterKeys>) -> Self {
        Self { db, keys }
    }

    /// An offer, with what whoever keeps it has to know.
    pub(crate) async fn look_up(&self, id_or_slug: &str) -> Result<Option<FoundOffer>, StorageError> {
        // No text column holds a NUL, and PostgreSQL refuses to compare with one.
        if id_or_slug.contains('\0') {
            return Ok(None);
        }
        let id_or_slug = id_or_slug.to_owned();
        let row = self.db.read(move |conn| Ok(find(conn, &id_or_slug)?)).await?;
        Ok(row.map(|row| row.open(&self.keys)).transpose()?)
    }
}

/// An offer as it was found.
pub(crate) struct FoundOffer {
    pub(crate) offer: Arc<Offer>,
    /// Under which name it is found now, beside its id.
    pub(crate) slug: String,
    /// When time alone changes it: a former price can be paid no longer, or a rotation of secrets is over.
    pub(crate) changes_at: Option<Timestamp>,
}

#[async_trait]
impl Directory for PgDirectory {
    async fn offer(&self, id_or_slug: &str) -> Result<Option<Arc<Offer>>, StorageError> {
        Ok(self.look_up(id_or_slug).await?.map(|found| found.offer))
    }

    async fn input(&self, listing: ListingId) -> Result<Input, StorageError> {
        self.db.read(move |conn| Ok(inputs::find(conn, listing.uuid())?)).await
    }

    async fn payable(&self, query: PayableQuery) -> Result<PayablePage, StorageError> {
        self.db.read(move |conn| payable::page(conn, query)).await
    }

    async fn payment_wallets(&self, profile: ProfileId) -> Result<Vec<PayerWallet>, StorageError> {
        self.db.read(move |conn| payment_wallets(conn, profile.uuid())).await
    }
}

/// All that an offer is made of.
#[derive(Queryable)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(crate) struct OfferRow {
    id: Uuid,
    slug: String,
    provider_id: Uuid,
    name: String,
    pricing_model: String,
    price_micros: i64,
    status: String,
    deleted_at: Option<Timestamp>,
    endpoint: Option<EndpointRow>,
    payout_address: Option<String>,
    evm_payout_address: Option<String>,
    solana_payout_address: Option<String>,
    former_price_micros: Option<i64>,
    price_changed_at: Option<Timestamp>,
    now: Timestamp,
}

pub(crate) fn find(conn: &mut PgConnection, id_or_slug: &str) -> QueryResult<Option<OfferRow>> {
    let listing = match ListingId::parse(id_or_slug) {
        Ok(id) => listings::table.filter(listings::id.eq(id.uuid())).into_boxed(),
        Err(_) => listings::table.filter(listings::slug.eq(id_or_slug)).into_boxed(),
    };
    // A seller may have a first choice on each chain: then the one on the chain of the currency that the listing
    // prefers.
    let is_on_preferred_chain =
        sql::<Bool>("(profile_wallets.chain = 'solana') = (listings.preferred_currency = 'SOL')");
    let payout_address = profile_wallets::table
        .filter(profile_wallets::profile_id.eq(listings::provider_id))
        .filter(profile_wallets::status.eq("active"))
        .filter(profile_wallets::capabilities.contains(vec!["payout"]))
        .order((profile_wallets::is_primary.desc(), is_on_preferred_chain.desc(), profile_wallets::id))
        .select(profile_wallets::address)
        .limit(1)
        .single_value();
    let payout_address_on = |chain: Chain| {
        profile_wallets::table
            .filter(profile_wallets::profile_id.eq(listings::provider_id))
            .filter(profile_wallets::status.eq("active"))
            .filter(profile_wallets::capabilities.contains(vec!["payout"]))
            .filter(profile_wallets::chain.eq(chain.as_str()))
            .order((profile_wallets::is_primary.desc(), profile_wallets::id))
            .select(profile_wallets::address)
            .limit(1)
            .single_value()
    };
    listing
        .left_join(listing_gateway_endpoints::table)
        .select((
            listings::id,
            listings::slug,
            listings::provider_id,
            listings::name,
            listings::pricing_model,
            listings::price_micros,
            listings::status,
            listings::deleted_at,
            Option::<EndpointRow>::as_select(),
            payout_address,
            payout_address_on(Chain::Evm),
            payout_address_on(Chain::Solana),
            listings::former_price_micros,
            listings::price_changed_at,
            clock_timestamp(),
        ))
        .first(conn)
        .optional()
}

impl OfferRow {
    fn open(self, keys: &MasterKeys) -> Result<FoundOffer, DbError> {
        let endpoint = self.endpoint.and_then(|row| opened(row, keys));
        let payable_until = self.price_changed_at.map(|at| at + FORMER_PRICE).filter(|until| self.now <= *until);
        let former_price = self
            .former_price_micros
            .filter(|_| payable_until.is_some())
            .and_then(|micros| MicroUsd::from_i64(micros).ok());
        let overlap = endpoint.as_ref().and_then(|endpoint| endpoint.previous_secret.as_ref());
        let rotated_at = overlap.map(|previous| previous.valid_until).filter(|until| self.now < *until);
        let changes_at = payable_until.into_iter().chain(rotated_at).min();
        let offer = Arc::new(Offer {
            listing: self.id.into(),
            seller: self.provider_id.into(),
            name: self.name,
            price: price(&self.pricing_model, self.price_micros, self.id)?,
            is_public: self.status != ListingStatus::Draft.as_str() && self.deleted_at.is_none(),
            is_available: self.status == ListingStatus::Active.as_str() && self.deleted_at.is_none(),
            is_endpoint_disabled: endpoint.as_ref().is_some_and(|endpoint| endpoint.status != EndpointStatus::Active),
            endpoint: endpoint
                .filter(|endpoint| endpoint.status == EndpointStatus::Active)
                .map(|endpoint| Arc::new(for_call(endpoint, self.now))),
            payout_address: self.payout_address,
            payout_wallets: PayoutWallets { evm: self.evm_payout_address, solana: self.solana_payout_address },
            former_price,
        });
        Ok(FoundOffer { offer, slug: self.slug, changes_at })
    }
}

/// An endpoint that cannot be read is none: nothing is forwarded, while answers that were paid for are still replayed.
fn opened(row: EndpointRow, keys: &MasterKeys) -> Option<GatewayEndpoint> {
    let listing = row.listing();
    row.open(keys)
        .inspect_err(
            |error| tracing::error!(%listing, column = %error, "an endpoint cannot be read: no call reaches it"),
        )
        .ok()
}

/// An endpoint as one call at `now` needs it.
fn for_call(endpoint: GatewayEndpoint, now: Timestamp) -> Endpoint {
    Endpoint {
        signing_secrets: endpoint.signing_secrets(now),
        timeout: endpoint.timeout(),
        max_request_bytes: endpoint.max_request_bytes.into(),
        max_response_bytes: endpoint.max_response_bytes.into(),
        url: endpoint.url,
        upstream_auth: endpoint
            .upstream_auth_header
            .map(|header| UpstreamAuth { name: header.name, value: header.value }),
    }
}

fn payment_wallets(conn: &mut PgConnection, profile: Uuid) -> Result<Vec<PayerWallet>, DbError> {
    let rows: Vec<(Uuid, String, String, bool)> = profile_wallets::table
        .filter(profile_wallets::profile_id.eq(profile))
        .filter(profile_wallets::status.eq("active"))
        .filter(profile_wallets::capabilities.contains(vec!["payment"]))
        .order((profile_wallets::created_at, profile_wallets::id))
        .select((profile_wallets::id, profile_wallets::chain, profile_wallets::address, profile_wallets::is_primary))
        .load(conn)?;
    rows.into_iter()
        .map(|(id, chain, address, is_primary)| {
            let chain: Chain = chain.parse().map_err(|_| DbError::corrupt(format!("profile_wallets.chain of {id}")))?;
            Ok(PayerWallet { id: id.into(), chain, address, is_primary })
        })
        .collect()
}
