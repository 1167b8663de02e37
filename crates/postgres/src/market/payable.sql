WITH payable AS NOT MATERIALIZED (
    SELECT l.id, l.created_at, l.provider_id
    FROM listings l
    JOIN listing_gateway_endpoints e ON e.listing_id = l.id AND e.status = 'active'
    WHERE l.status = 'active' AND l.deleted_at IS NULL AND l.pricing_model = 'per_call' AND EXISTS (
        SELECT FROM profile_wallets
        WHERE profile_id = l.provider_id AND status = 'active' AND capabilities @> ARRAY['payout']
    )
), page AS MATERIALIZED (
    SELECT * FROM payable ORDER BY created_at DESC, id DESC LIMIT $1 OFFSET $2
)
SELECT counted.total, page.id, l.name, CASE WHEN NOT $4 THEN l.description END AS description, l.price_micros,
       evm.address AS evm_address, solana.address AS solana_address, l.updated_at, i.input_schema, i.example_input
FROM (SELECT count(*) AS total FROM (SELECT FROM payable LIMIT $3) most) counted
LEFT JOIN page ON true
LEFT JOIN listings l ON l.id = page.id
LEFT JOIN listing_inputs i ON i.listing_id = page.id AND NOT $4
LEFT JOIN LATERAL (
    SELECT address FROM profile_wallets
    WHERE profile_id = page.provider_id AND status = 'active' AND chain = 'evm' AND capabilities @> ARRAY['payout']
    ORDER BY is_primary DESC, id
    LIMIT 1
) evm ON true
LEFT JOIN LATERAL (
    SELECT address FROM profile_wallets
    WHERE profile_id = page.provider_id AND status = 'active' AND chain = 'solana' AND capabilities @> ARRAY['payout']
    ORDER BY is_primary DESC, id
    LIMIT 1
) solana ON true
ORDER BY page.created_at DESC, page.id DESC
