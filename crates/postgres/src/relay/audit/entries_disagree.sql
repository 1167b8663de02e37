-- The entries of a settlement are of one call, one listing and one payment, and their parties are those of the call.
SELECT 'settlement ' || settlement_id AS detail
  FROM ledger_entries
 GROUP BY settlement_id
HAVING count(DISTINCT (call_id, listing_id, currency, fee_status, provider, provider_reference)) > 1
    OR count(DISTINCT profile_id) FILTER (WHERE coalesce(adjusts, entry_type) = 'gateway_payment') > 1
    OR count(DISTINCT profile_id) FILTER (WHERE coalesce(adjusts, entry_type) <> 'gateway_payment') > 1
    OR count(DISTINCT (coalesce(adjusts, entry_type), amount_micros)) > 3
