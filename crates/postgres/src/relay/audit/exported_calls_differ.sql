-- As many calls of the ledger are gone as were exported, and their entries are what stays of them.
SELECT gone.calls || ' calls of exported months are in the ledger and not in history, and ' || exported.calls || ' were exported' AS detail
  FROM (SELECT count(DISTINCT entry.call_id) AS calls FROM ledger_entries entry
         WHERE entry.entry_type = 'gateway_payment' AND crochet_is_exported(entry.call_id)
           AND NOT EXISTS (SELECT FROM gateway_requests call WHERE call.id = entry.call_id)) gone
 CROSS JOIN (SELECT coalesce(sum(booked_calls), 0) AS calls FROM exported_partitions) exported
 WHERE gone.calls <> exported.calls
