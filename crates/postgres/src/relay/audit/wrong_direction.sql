-- Payment and fee are debits, the seller's part is a credit; an adjustment goes the other way.
SELECT 'entry ' || id || ' of settlement ' || settlement_id AS detail
  FROM ledger_entries
 WHERE (direction = 'credit') <> ((coalesce(adjusts, entry_type) = 'seller_credit') <> (entry_type = 'adjustment'))
