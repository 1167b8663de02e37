-- Who calls and who is called: 200 further profiles, 20 listings of the busy seller, and 80 of others. The tables and
-- functions named bench_… belong to the measurement alone, in a database that is thrown away.
--
-- Parameters, by SET: bench.busy_buyer, bench.busy_seller, bench.quiet (profile ids); bench.start, bench.span and
-- bench.calls as in calls.sql.

-- A UUIDv7 of a moment, the rest of it drawn from a name and a number.
CREATE FUNCTION bench_id(name text, n bigint, at bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(at), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid
      FROM (SELECT md5(name || n) AS hash) drawn
$$;

-- When the n-th call is made: they are spread evenly.
CREATE FUNCTION bench_moment(n bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT current_setting('bench.start')::bigint
           + n * (current_setting('bench.span')::bigint - 60000) / current_setting('bench.calls')::bigint
$$;

-- A moment as the gateway writes it into documents.
CREATE FUNCTION bench_time(at bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT to_char(to_timestamp(at / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

CREATE TABLE bench_people AS
SELECT 0 AS place, current_setting('bench.quiet')::uuid AS id
UNION ALL SELECT 1, current_setting('bench.busy_buyer')::uuid
UNION ALL SELECT place, bench_id('profile', place, current_setting('bench.start')::bigint) FROM generate_series(2, 201) place;

INSERT INTO profiles (id, account_type, display_name, role, created_at)
SELECT id, 'agent', 'Agent ' || place, 'both', to_timestamp(current_setting('bench.start')::bigint / 1000.0)
  FROM bench_people
 WHERE place >= 2;

CREATE TABLE bench_listings AS
SELECT place, bench_id('called listing', place, current_setting('bench.start')::bigint) AS id,
       CASE WHEN place <= 20 THEN current_setting('bench.busy_seller')::uuid
            ELSE (SELECT id FROM bench_people WHERE bench_people.place = 2 + listing.place) END AS seller_id
  FROM generate_series(1, 100) listing (place);

INSERT INTO listing_slugs (slug, listing_id) SELECT 'called-listing-' || place, id FROM bench_listings;

INSERT INTO listings (id, slug, provider_id, name, description, category_id, pricing_model, price_micros,
    preferred_currency, delivery_type, auth_method, formats, example_outputs, tags, status, revision, created_at, updated_at)
SELECT id, 'called-listing-' || place, seller_id, 'Called listing ' || place, 'A listing that has been called often.',
       (SELECT id FROM categories ORDER BY sort_order LIMIT 1), 'per_call', 1000 + place, 'USDC', 'api', 'api_key',
       '{json}', '[]', '{bench}', 'active', 1, to_timestamp(current_setting('bench.start')::bigint / 1000.0),
       to_timestamp(current_setting('bench.start')::bigint / 1000.0)
  FROM bench_listings;

ANALYZE bench_people, bench_listings;
