SELECT 'call ' || call.id AS detail
  FROM gateway_requests call
 WHERE call.settlement IS NOT NULL
   AND call.is_refunded <> EXISTS (SELECT FROM ledger_entries entry
                                    WHERE entry.settlement_id = call.settlement_id AND entry.entry_type = 'adjustment')
