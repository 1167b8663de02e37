-- A settlement has one payment, one fee and one credit, and nothing else but adjustments, of which there are none or
-- one of each again.
SELECT 'settlement ' || settlement_id || ' has ' || string_agg(entry_type || coalesce(' of ' || adjusts, ''), ', ' ORDER BY entry_type, adjusts) AS detail
  FROM ledger_entries
 GROUP BY settlement_id
HAVING count(*) FILTER (WHERE entry_type = 'gateway_payment') <> 1
    OR count(*) FILTER (WHERE entry_type = 'marketplace_fee') <> 1
    OR count(*) FILTER (WHERE entry_type = 'seller_credit') <> 1
    OR count(*) NOT IN (3, 6)
    OR count(*) = 6 AND (count(*) FILTER (WHERE adjusts = 'gateway_payment') <> 1
                      OR count(*) FILTER (WHERE adjusts = 'marketplace_fee') <> 1
                      OR count(*) FILTER (WHERE adjusts = 'seller_credit') <> 1)
