-- What a settled call says of amounts, parties and payment is what its three entries say.
SELECT 'call ' || call.id AS detail
  FROM gateway_requests call
 WHERE call.settlement IS NOT NULL
   AND (SELECT count(*)
          FROM ledger_entries entry
         WHERE entry.settlement_id = call.settlement_id
           AND entry.call_id = call.id
           AND entry.listing_id = call.listing_id
           AND entry.provider = call.provider
           AND entry.provider_reference = call.settlement_reference
           AND (entry.entry_type, entry.profile_id, entry.amount_micros) IN (
                ('gateway_payment', call.buyer_id, call.gross_micros),
                ('marketplace_fee', call.seller_id, call.fee_micros),
                ('seller_credit', call.seller_id, call.seller_micros))) <> 3
