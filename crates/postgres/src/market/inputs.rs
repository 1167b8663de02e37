//! What sellers say of the requests that their listings take: rows of `listing_inputs`.
//!
//! They are apart from `listings`, because only who shows one listing reads them.

use crochet_market::Listing;
use crochet_relay::ports::Input;
use diesel::prelude::*;
use diesel::upsert::excluded;
use serde_json::Value;
use uuid::Uuid;

use super::schema::listing_inputs;

/// Of one listing. One of which nothing is said has no row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = listing_inputs, check_for_backend(diesel::pg::Pg))]
pub(crate) struct InputRow {
    listing_id: Uuid,
    pub(crate) input_schema: Option<Value>,
    pub(crate) example_input: Option<Value>,
}

/// What is said of one listing.
pub(crate) fn find(conn: &mut PgConnection, listing: Uuid) -> QueryResult<Input> {
    let row: Option<InputRow> =
        listing_inputs::table.find(listing).select(InputRow::as_select()).first(conn).optional()?;
    Ok(row.map_or_else(Input::default, |row| Input { schema: row.input_schema, example: row.example_input }))
}

impl From<&Listing> for InputRow {
    fn from(listing: &Listing) -> Self {
        Self {
            listing_id: listing.id.uuid(),
            input_schema: listing.input_schema.clone(),
            example_input: listing.example_input.clone(),
        }
    }
}

impl InputRow {
    /// Says this of the listing from now on. Its row in `listings` is locked.
    pub(crate) fn write(&self, conn: &mut PgConnection) -> QueryResult<()> {
        if self.input_schema.is_none() && self.example_input.is_none() {
            diesel::delete(listing_inputs::table.find(self.listing_id)).execute(conn)?;
        } else {
            diesel::insert_into(listing_inputs::table)
                .values(self)
                .on_conflict(listing_inputs::listing_id)
                .do_update()
                .set((
                    listing_inputs::input_schema.eq(excluded(listing_inputs::input_schema)),
                    listing_inputs::example_input.eq(excluded(listing_inputs::example_input)),
                ))
                .execute(conn)?;
        }
        Ok(())
    }
}
