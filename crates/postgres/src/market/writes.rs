//! What changes listings: under the lock on a listing's row, checked first and written then.

use crochet_market::ListingStatus;
use crochet_market::ports::{Removal, Saved};
use diesel::dsl::{exists, now, select};
use diesel::prelude::*;
use uuid::Uuid;

use super::endpoints::EndpointRow;
use super::inputs::InputRow;
use super::listings::ListingRow;
use super::schema::{listing_slugs, listings};
use crate::error::DbError;
use crate::schema::gateway_requests;

/// Records a new listing, and its endpoint where it has one.
pub(crate) fn insert(
    conn: &mut PgConnection,
    listing: &ListingRow,
    input: &InputRow,
    endpoint: Option<&EndpointRow>,
) -> Result<Saved, DbError> {
    if !take_slug(conn, listing)? {
        return Ok(Saved::SlugTaken);
    }
    diesel::insert_into(listings::table).values(listing).execute(conn)?;
    input.write(conn)?;
    if let Some(endpoint) = endpoint {
        endpoint.write(conn)?;
    }
    Ok(Saved::Done)
}

/// Replaces a listing, and sets its endpoint where one is given.
pub(crate) fn save(
    conn: &mut PgConnection,
    listing: &ListingRow,
    input: &InputRow,
    endpoint: Option<&EndpointRow>,
) -> Result<Saved, DbError> {
    let Some(stored) = lock(conn, listing.id)? else {
        return Ok(Saved::Stale);
    };
    if stored.revision.checked_add(1) != Some(listing.revision) {
        return Ok(Saved::Stale);
    }
    if let Some(endpoint) = endpoint
        && !endpoint.is_next(conn)?
    {
        return Ok(Saved::Stale);
    }
    if stored.slug != listing.slug && !take_slug(conn, listing)? {
        return Ok(Saved::SlugTaken);
    }
    diesel::update(listings::table.find(listing.id)).set(listing).execute(conn)?;
    input.write(conn)?;
    if let Some(endpoint) = endpoint {
        endpoint.write(conn)?;
    }
    Ok(Saved::Done)
}

/// Sets or replaces an endpoint.
pub(crate) fn save_endpoint(conn: &mut PgConnection, endpoint: &EndpointRow) -> Result<Saved, DbError> {
    if lock(conn, endpoint.listing())?.is_none() || !endpoint.is_next(conn)? {
        return Ok(Saved::Stale);
    }
    endpoint.write(conn)?;
    Ok(Saved::Done)
}

/// Takes a listing from the marketplace.
pub(crate) fn remove(conn: &mut PgConnection, id: Uuid, owner: Uuid) -> Result<Removal, DbError> {
    let Some(stored) = lock(conn, id)?.filter(|stored| stored.provider_id == owner) else {
        return Ok(Removal::NotFound);
    };
    let row = listings::table.find(id);
    let change = (listings::revision.eq(listings::revision + 1), listings::updated_at.eq(now));
    match super::convert::word(ListingStatus::parse, &stored.status, "listings.status", id)? {
        ListingStatus::Draft => {
            // The row stays in either case: a call that is being admitted right now has read the listing already, and
            // whoever pays for it needs the listing and its endpoint.
            diesel::update(row).set((listings::deleted_at.eq(now), change)).execute(conn)?;
            // All calls of a listing are its seller's; the index begins with them.
            let calls = gateway_requests::table
                .filter(gateway_requests::seller_id.eq(owner))
                .filter(gateway_requests::listing_id.eq(id));
            let was_called = select(exists(calls)).get_result(conn)?;
            Ok(if was_called { Removal::SoftDeleted } else { Removal::Deleted })
        }
        ListingStatus::Active => {
            let suspended = (listings::status.eq("suspended"), listings::suspended_by.eq(Some("owner")));
            diesel::update(row).set((suspended, change)).execute(conn)?;
            Ok(Removal::Suspended)
        }
        ListingStatus::Suspended => Ok(Removal::AlreadySuspended),
    }
}

/// What a change of a listing depends on.
#[derive(Queryable, Selectable)]
#[diesel(table_name = listings, check_for_backend(diesel::pg::Pg))]
struct Stored {
    slug: String,
    provider_id: Uuid,
    status: String,
    revision: i32,
}

/// Holds a listing's row until the transaction ends, and with it its endpoint; `None` when it is deleted.
fn lock(conn: &mut PgConnection, id: Uuid) -> QueryResult<Option<Stored>> {
    listings::table
        .find(id)
        .filter(listings::deleted_at.is_null())
        .select(Stored::as_select())
        .for_update()
        .first(conn)
        .optional()
}

/// Takes a slug for a listing; false when it was ever used before.
fn take_slug(conn: &mut PgConnection, listing: &ListingRow) -> QueryResult<bool> {
    diesel::insert_into(listing_slugs::table)
        .values((listing_slugs::slug.eq(&listing.slug), listing_slugs::listing_id.eq(listing.id)))
        .on_conflict_do_nothing()
        .execute(conn)
        .map(|taken| taken == 1)
}
