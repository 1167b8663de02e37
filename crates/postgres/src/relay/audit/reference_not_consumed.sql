-- By the call that it paid for, and no other.
SELECT 'payment ' || entry.provider_reference || ' of ' || entry.provider || ' for call ' || entry.call_id AS detail
  FROM ledger_entries entry
 WHERE entry.entry_type = 'gateway_payment'
   AND NOT EXISTS (SELECT FROM consumed_references consumed
                    WHERE consumed.provider = entry.provider
                      AND consumed.reference = entry.provider_reference
                      AND consumed.call_id = entry.call_id)
