-- A payment that was taken is in the books, or kept as an orphan. One that is neither is lost. Those that came with their
-- call are taken before they are made: until the chain shows them, and where they never happen, there is nothing to book.
-- Of calls that were exported there is no telling any more which those were.
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
   AND NOT EXISTS (SELECT FROM gateway_requests call
                    WHERE call.id = consumed.call_id
                      AND call.terms -> 'claimed' IS NOT NULL
                      AND call.terms ->> 'provider_request_id' = consumed.reference
                      AND call.settlement IS NULL
                      AND call.state IN ('pending', 'payment_failed'))
   AND NOT crochet_is_exported(consumed.call_id)
