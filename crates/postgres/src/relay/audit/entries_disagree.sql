-- The entries of a settlement are of one call, one listing and one payment; fee and credit are of one seller; and what
-- is taken back is exactly what was booked.
SELECT 'settlement ' || settlement_id AS detail
  FROM ledger_entries
 GROUP BY settlement_id
HAVING count(DISTINCT (call_id, listing_id, currency, fee_status, provider, provider_reference)) > 1
    OR count(DISTINCT profile_id) FILTER (WHERE coalesce(adjusts, entry_type) = 'gateway_payment') > 1
    OR count(DISTINCT profile_id) FILTER (WHERE coalesce(adjusts, entry_type) <> 'gateway_payment') > 1
    OR count(DISTINCT (coalesce(adjusts, entry_type), amount_micros)) > 3
