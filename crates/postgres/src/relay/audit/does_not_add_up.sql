-- Over the originals, and over the adjustments: what was paid is the fee and the seller's part together.
SELECT 'settlement ' || settlement_id || CASE WHEN adjusts IS NULL THEN '' ELSE ', adjusted' END || ': '
       || gross || ' is not ' || fee || ' and ' || seller || ' (micro-dollars)' AS detail
  FROM (
    SELECT settlement_id, min(adjusts) AS adjusts,
           coalesce(sum(amount_micros) FILTER (WHERE coalesce(adjusts, entry_type) = 'gateway_payment'), 0) AS gross,
           coalesce(sum(amount_micros) FILTER (WHERE coalesce(adjusts, entry_type) = 'marketplace_fee'), 0) AS fee,
           coalesce(sum(amount_micros) FILTER (WHERE coalesce(adjusts, entry_type) = 'seller_credit'), 0) AS seller
      FROM ledger_entries
     GROUP BY settlement_id, adjusts IS NULL
  ) sums
 WHERE gross <> fee + seller
