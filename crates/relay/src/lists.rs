//! Which part of the history and of the ledger is wanted. What is left out of a query filters nothing.

use crochet_primitives::{CallId, ListingId, PageRequest, ProfileId, SettlementId, Timestamp};

use crate::ledger::{Direction, EntryType, LedgerEntry};
use crate::record::{Record, State};

crochet_primitives::names! {
    /// Whether calls of the buyer or of the seller are wanted.
    pub enum Role {
        /// Calls that the profile made.
        Buyer => "buyer",
        /// Calls that its listings received.
        Seller => "seller",
    }
}

/// From a moment on, and until before another: what happened at `to` itself is not in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// The first moment that is in it.
    pub from: Option<Timestamp>,
    /// The first moment after it.
    pub to: Option<Timestamp>,
}

impl Period {
    /// Whether a moment is in it.
    ///
    /// ```
    /// use crochet_primitives::timestamp_from_millis;
    /// use crochet_relay::ports::Period;
    ///
    /// let at = |millis| timestamp_from_millis(millis).unwrap_or_default();
    /// let period = Period { from: Some(at(10)), to: Some(at(20)) };
    /// assert!(period.contains(at(10)) && period.contains(at(19)));
    /// assert!(!period.contains(at(9)) && !period.contains(at(20)));
    /// assert!(Period::default().contains(at(0)));
    /// ```
    #[must_use]
    pub fn contains(self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// Which calls are wanted.
#[derive(Debug, Clone)]
pub struct HistoryQuery {
    /// Whose.
    pub profile: ProfileId,
    /// On which side; `None` for both.
    pub role: Option<Role>,
    /// In one of these states; none named means any.
    pub states: Vec<State>,
    /// Of which listing.
    pub listing: Option<ListingId>,
    /// By which buyer.
    pub buyer: Option<ProfileId>,
    /// Whether another call's terms have taken their place.
    pub superseded: Option<bool>,
    /// Recorded when: [`Record::created_at`].
    pub created: Period,
    /// Which part of the list.
    pub page: PageRequest,
}

impl HistoryQuery {
    /// Everything of a profile.
    #[must_use]
    pub const fn of(profile: ProfileId, page: PageRequest) -> Self {
        Self {
            profile,
            role: None,
            states: Vec::new(),
            listing: None,
            buyer: None,
            superseded: None,
            created: Period { from: None, to: None },
            page,
        }
    }

    /// Whether a call is among those that are wanted, on whatever page.
    #[must_use]
    pub fn wants(&self, record: &Record) -> bool {
        let is_buyer = record.buyer == self.profile;
        let is_seller = record.seller == self.profile;
        let has_role = match self.role {
            Some(Role::Buyer) => is_buyer,
            Some(Role::Seller) => is_seller,
            None => is_buyer || is_seller,
        };
        has_role
            && (self.states.is_empty() || self.states.contains(&record.state))
            && self.listing.is_none_or(|listing| record.listing == listing)
            && self.buyer.is_none_or(|buyer| record.buyer == buyer)
            && self.superseded.is_none_or(|superseded| record.superseded_by.is_some() == superseded)
            && self.created.contains(record.created_at)
    }
}

/// Which ledger entries are wanted: a buyer's `gateway_payment` entries, a seller's `marketplace_fee` and
/// `seller_credit` entries, and both sides' adjustments, which is to say those of the profile.
#[derive(Debug, Clone)]
pub struct LedgerQuery {
    /// Whose.
    pub profile: ProfileId,
    /// Of one of these types; none named means any.
    pub types: Vec<EntryType>,
    /// In which direction.
    pub direction: Option<Direction>,
    /// Of which listing.
    pub listing: Option<ListingId>,
    /// Of which call.
    pub call: Option<CallId>,
    /// Of which settlement.
    pub settlement: Option<SettlementId>,
    /// Written when: [`LedgerEntry::created_at`].
    pub created: Period,
    /// Which part of the list.
    pub page: PageRequest,
}

impl LedgerQuery {
    /// Everything of a profile.
    #[must_use]
    pub const fn of(profile: ProfileId, page: PageRequest) -> Self {
        Self {
            profile,
            types: Vec::new(),
            direction: None,
            listing: None,
            call: None,
            settlement: None,
            created: Period { from: None, to: None },
            page,
        }
    }

    /// Whether an entry is among those that are wanted, on whatever page.
    #[must_use]
    pub fn wants(&self, entry: &LedgerEntry) -> bool {
        entry.profile == self.profile
            && (self.types.is_empty() || self.types.contains(&entry.entry_type))
            && self.direction.is_none_or(|direction| entry.direction == direction)
            && self.listing.is_none_or(|listing| entry.listing == listing)
            && self.call.is_none_or(|call| entry.call == call)
            && self.settlement.is_none_or(|settlement| entry.settlement_id == settlement)
            && self.created.contains(entry.created_at)
    }
}
