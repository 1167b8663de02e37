-- An adjustment goes the other way than what it corrects, so it is taken off.
WITH signed AS (
    SELECT settlement_id, coalesce(adjusts, entry_type) AS part,
           CASE WHEN (coalesce(adjusts, entry_type) = 'seller_credit') = (direction = 'credit') THEN 1 ELSE -1 END * amount_micros::numeric AS micros
      FROM ledger_entries
)
SELECT count(DISTINCT settlement_id) AS settlements,
       count(*) AS entries,
       (SELECT count(*) FROM gateway_requests) AS calls,
       (SELECT count(*) FROM orphan_payments) AS orphans,
       (SELECT count(*) FROM unknown_payments) AS unknown_payments,
       coalesce(sum(micros) FILTER (WHERE part = 'gateway_payment'), 0)::text AS gross,
       coalesce(sum(micros) FILTER (WHERE part = 'marketplace_fee'), 0)::text AS fee,
       coalesce(sum(micros) FILTER (WHERE part = 'seller_credit'), 0)::text AS seller
  FROM signed
