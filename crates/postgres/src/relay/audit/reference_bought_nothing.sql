-- A payment that was taken is in the books, or kept as an orphan. One that is neither is lost.
SELECT 'payment ' || consumed.reference || ' of ' || consumed.provider || ' for call ' || consumed.call_id AS detail
  FROM consumed_references consumed
 WHERE NOT EXISTS (SELECT FROM ledger_entries entry
                    WHERE entry.entry_type = 'gateway_payment'
                      AND entry.provider = consumed.provider
                      AND entry.provider_reference = consumed.reference
                      AND entry.call_id = consumed.call_id)
   AND NOT EXISTS (SELECT FROM orphan_payments orphan
                    WHERE orphan.provider = consumed.provider
                      AND orphan.reference = consumed.reference
                      AND orphan.call_id = consumed.call_id)
