SELECT DISTINCT 'settlement ' || settlement_id || ' is of call ' || call_id || ', which there is not' AS detail
  FROM ledger_entries entry
 WHERE NOT EXISTS (SELECT FROM gateway_requests call WHERE call.id = entry.call_id)
