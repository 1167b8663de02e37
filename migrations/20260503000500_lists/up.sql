-- Indexes that history and ledger are read along, filter by filter. Lists are ordered by id; docs/adr/0018 says what
-- each index buys, and why there are not more.

-- Ordered by id within each state. A list over all states is merged from one range for each of them, so there is no
-- need for an index without the state, nor for one of open quotes. The buyer stands beside, for a seller's filter by
-- buyer: it is then looked at in the index.
CREATE INDEX gateway_requests_by_buyer_and_state ON gateway_requests (buyer_id, state, id DESC);
CREATE INDEX gateway_requests_by_seller_and_state ON gateway_requests (seller_id, state, id DESC) INCLUDE (buyer_id);
DROP INDEX gateway_requests_by_buyer;
DROP INDEX gateway_requests_by_seller;
DROP INDEX gateway_requests_open_quotes;

-- Both sides begin with the profile: else anybody could have all calls of somebody else's listing read through.
CREATE INDEX gateway_requests_by_buyer_and_listing ON gateway_requests (buyer_id, listing_id, id DESC);
CREATE INDEX gateway_requests_by_seller_and_listing ON gateway_requests (seller_id, listing_id, id DESC);
DROP INDEX gateway_requests_by_listing;

-- Few calls are superseded, so these cost the others nothing.
CREATE INDEX gateway_requests_superseded_of_buyer ON gateway_requests (buyer_id, id DESC) WHERE superseded_by IS NOT NULL;
CREATE INDEX gateway_requests_superseded_of_seller ON gateway_requests (seller_id, id DESC) WHERE superseded_by IS NOT NULL;

-- Likewise: ordered by id within each type.
CREATE INDEX ledger_entries_by_profile_and_type ON ledger_entries (profile_id, entry_type, id DESC);
DROP INDEX ledger_entries_by_profile;
DROP INDEX ledger_entries_adjustments;

CREATE INDEX ledger_entries_by_profile_and_listing ON ledger_entries (profile_id, listing_id, entry_type, id DESC);

-- One row a settlement: the call's settlements are found by it, and their other entries by those.
CREATE INDEX ledger_entries_payments_by_call ON ledger_entries (call_id) WHERE entry_type = 'gateway_payment';
