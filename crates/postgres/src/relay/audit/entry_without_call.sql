-- Those of calls that were exported are counted: see exported_calls_differ.
SELECT DISTINCT 'settlement ' || settlement_id || ' is of call ' || call_id || ', which there is not' AS detail
  FROM ledger_entries entry
 WHERE NOT EXISTS (SELECT FROM gateway_requests call WHERE call.id = entry.call_id)
   AND NOT crochet_is_exported(entry.call_id)
