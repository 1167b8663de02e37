-- Its call must name it, unless it was given back and paid anew.
SELECT 'settlement ' || entry.settlement_id || ' is not that of its call ' || call.id AS detail
  FROM ledger_entries entry
  JOIN gateway_requests call ON call.id = entry.call_id
 WHERE entry.entry_type = 'gateway_payment'
   AND call.settlement_id IS DISTINCT FROM entry.settlement_id
   AND NOT EXISTS (SELECT FROM ledger_entries back
                    WHERE back.settlement_id = entry.settlement_id AND back.adjusts = 'gateway_payment')
