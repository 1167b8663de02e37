SELECT 'payment ' || provider_reference || ' of ' || provider || ' has ' || count(*) || ' settlements' AS detail
  FROM ledger_entries
 WHERE entry_type = 'gateway_payment'
 GROUP BY provider, provider_reference
HAVING count(*) > 1
