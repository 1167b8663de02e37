-- Listings to search in: bench.listings of them, for as many as that many profiles divided by 50. To be run by the
-- owner of the tables, in a database that is migrated and thrown away afterwards; crochet_app's rights are enough for
-- what is read later. Filling 100,000 takes some minutes, most of it in the search index.
--
--     SET bench.listings = 100000; SET bench.distinct_listings = 100000; SET bench.start = 1767225600000;
--     \i bin/bench/sql/listings.sql
--
-- A gateway that runs on it counts deliveries anew: with no calls in the database, all end as unpopular as the others.
--
-- Parameters, by SET: bench.listings, bench.distinct_listings (so many have texts of their own, the others repeat these:
-- ten times faster), bench.start (epoch milliseconds of the first one; a second passes between two).
--
-- Words are drawn as in real text: the r-th most frequent of 20,000 about 1/r as often as the first. The first 58 are
-- the trade's own, so that `data` is in nearly all listings and `zurich` still in every sixth; the others are made of
-- syllables. Every tenth listing has documentation of 250 to 4,000 words. All of it follows from the number of the
-- listing, so a fill can be repeated. Worth searching for:
--   common `data`, `api`; middling `translation`, `zurich`; rare: any word of bench_words beyond rank 10,000, such as
--   `zulencle`; two words `market data`; prefix `trans`; typos `tranlsation`, `zulenlce`; the one listing named exactly
--   `Zurich Snow Oracle`.

CREATE TABLE bench_words AS
WITH own AS (
    SELECT word, place FROM unnest(string_to_array(
        'data api agent market real time price trading signal model text search image token chain feed wallet risk analysis '
        'translation news report account order book history stream audio speech document summary code review contract audit '
        'weather forecast identity check sanctions screening storage compute node queue browser crawler page extraction '
        'invoice tax legal medical research paper snow zurich oracle bridge', ' ')) WITH ORDINALITY own (word, place)
), syllable AS (
    SELECT part, place - 1 AS place
      FROM unnest(string_to_array('ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru sha the '
                                  'pri sto tru chan len dor min sek par ton vel nor', ' ')) WITH ORDINALITY part (part, place)
)
SELECT place AS rank, word FROM own
UNION ALL
SELECT (SELECT count(*) FROM own) + row_number() OVER (ORDER BY md5(a.part || b.part || c.part)), a.part || b.part || c.part
  FROM syllable a CROSS JOIN syllable b CROSS JOIN syllable c
 ORDER BY rank LIMIT 20000;
CREATE UNIQUE INDEX ON bench_words (rank);
ANALYZE bench_words;

-- A number from 0 to 1 that follows from a name and a number.
CREATE FUNCTION bench_draw(name text, n bigint) RETURNS float8 LANGUAGE sql IMMUTABLE AS $$
    SELECT (hashtextextended(name, n) & 1073741823)::float8 / 1073741824
$$;

CREATE FUNCTION bench_listing_id(n bigint, start bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT (lpad(to_hex(start + n * 1000), 12, '0') || '7' || substr(md5('listing' || n), 1, 3) || '8' || substr(md5('listing' || n), 4, 15))::uuid
$$;

-- As many as `count`, of which `texts` have texts of their own.
CREATE FUNCTION bench_fill_listings(count integer, texts integer, start bigint) RETURNS void LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    words     text[] := ARRAY(SELECT word FROM bench_words ORDER BY rank);
    sentences text[] := ARRAY[]::text[];
    kinds     uuid[] := ARRAY(SELECT id FROM categories ORDER BY sort_order);
    people    integer := greatest(1, count / 50);
    known     integer := least(40000, greatest(2000, texts));
    sentence  text;
    named     text;
    tagged    text[];
    described text;
    documented text;
    made      timestamptz;
    listing   uuid;
BEGIN
    FOR s IN 1..known LOOP
        sentence := '';
        FOR w IN 1..12 LOOP
            sentence := sentence || words[floor(exp(bench_draw('sentence', s * 16 + w) * ln(array_length(words, 1))))::integer] || ' ';
        END LOOP;
        sentences := array_append(sentences, initcap(left(sentence, 1)) || substr(rtrim(sentence), 2) || '. ');
    END LOOP;

    INSERT INTO profiles (id, account_type, display_name, role, created_at)
    SELECT md5('bench seller ' || n)::uuid, 'agent', 'Seller ' || n, 'both', to_timestamp(start / 1000.0)
      FROM generate_series(0, people - 1) n
        ON CONFLICT DO NOTHING;

    FOR n IN 1..texts LOOP
        named := '';
        FOR w IN 1..2 + (bench_draw('length', n) * 3)::integer LOOP
            named := named || initcap(words[floor(exp(bench_draw('name', n::bigint * 16 + w) * ln(array_length(words, 1))))::integer]) || ' ';
        END LOOP;
        named := left(rtrim(named), 90);
        IF n = texts / 2 THEN
            named := 'Zurich Snow Oracle';
        END IF;
        tagged := '{}';
        FOR w IN 1..1 + (bench_draw('tags', n) * 4)::integer LOOP
            tagged := array_append(tagged, words[floor(exp(bench_draw('tag', n::bigint * 16 + w) * ln(2000)))::integer]);
        END LOOP;
        described := '';
        FOR w IN 1..1 + (bench_draw('description', n) * 5)::integer LOOP
            described := described || sentences[1 + floor(bench_draw('of description', n::bigint * 16 + w) * known)::integer];
        END LOOP;
        documented := NULL;
        IF n % 10 = 0 THEN
            documented := '';
            FOR w IN 1..20 + (bench_draw('docs', n) ^ 3 * 300)::integer LOOP
                documented := documented || sentences[1 + floor(bench_draw('of docs', n::bigint * 512 + w) * known)::integer];
            END LOOP;
        END IF;
        made := to_timestamp(start / 1000.0) + n * interval '1 second';
        listing := bench_listing_id(n, start);
        INSERT INTO listing_slugs (slug, listing_id) VALUES ('bench-' || n, listing);
        INSERT INTO listings (id, slug, provider_id, name, description, category_id, pricing_model, price_micros,
            preferred_currency, delivery_type, auth_method, formats, docs, example_outputs, tags, status, suspended_by, revision,
            delivered_30d, created_at, updated_at)
        VALUES (listing, 'bench-' || n, md5('bench seller ' || n % people)::uuid, named, described,
            kinds[1 + floor(bench_draw('category', n) ^ 2 * array_length(kinds, 1))::integer],
            CASE WHEN n % 5 = 0 THEN 'free' ELSE 'per_call' END,
            CASE WHEN n % 5 = 0 THEN 0 ELSE (100 * exp(bench_draw('price', n) * 12))::bigint END,
            'USDC', (ARRAY['api', 'api', 'api', 'api', 'api', 'api', 'webhook', 'streaming', 'batch', 'file'])[1 + floor(bench_draw('delivery', n) * 10)::integer],
            'api_key', '{json}', left(documented, 50000), '[]', tagged,
            CASE WHEN n % 50 = 1 THEN 'draft' WHEN n % 50 = 2 THEN 'suspended' ELSE 'active' END,
            CASE WHEN n % 50 = 2 THEN 'owner' END, 1,
            -- Few are called often, most never.
            floor(exp(bench_draw('delivered', n) ^ 4 * 12) - 1)::bigint, made, made);
    END LOOP;

    IF texts >= count THEN
        RETURN;
    END IF;
    -- What the trigger would work out again is copied too.
    ALTER TABLE listings DISABLE TRIGGER listings_are_indexed;
    CREATE TEMPORARY TABLE copies AS
    SELECT 'bench-' || n AS slug, bench_listing_id(n, start) AS id, md5('bench seller ' || n % people)::uuid AS provider_id,
           to_timestamp(start / 1000.0) + n * interval '1 second' AS born, bench_listing_id(1 + (n - 1) % texts, start) AS of
      FROM generate_series(texts + 1, count) n;
    INSERT INTO listing_slugs (slug, listing_id) SELECT slug, id FROM copies;
    INSERT INTO listings (id, slug, provider_id, name, description, category_id, pricing_model, price_micros,
        preferred_currency, delivery_type, auth_method, formats, docs, example_outputs, tags, status, suspended_by, revision,
        delivered_30d, created_at, updated_at)
    SELECT copy.id, copy.slug, copy.provider_id, name, description, category_id, pricing_model, price_micros, preferred_currency,
           delivery_type, auth_method, formats, docs, example_outputs, tags, status, suspended_by, revision, delivered_30d, born, born
      FROM copies copy JOIN listings original ON original.id = copy.of;
    INSERT INTO listing_search (id, provider_id, category_id, pricing_model, price_micros, delivery_type, status, created_at,
        delivered_30d, popularity, tags, name_key, title, head, words)
    SELECT copy.id, copy.provider_id, category_id, pricing_model, price_micros, delivery_type, status, born, delivered_30d,
           popularity, tags, name_key, title, head, words
      FROM copies copy JOIN listing_search original ON original.id = copy.of;
    ALTER TABLE listings ENABLE TRIGGER listings_are_indexed;
END
$$;

-- Indices are made much faster at once than row by row.
CREATE TABLE bench_indices AS
SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('listings', 'listing_search', 'listing_words') AND indexdef NOT LIKE 'CREATE UNIQUE%';
SET maintenance_work_mem = '256MB';
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT indexname FROM bench_indices LOOP
        EXECUTE format('DROP INDEX %I', name);
    END LOOP;
END
$$;
SELECT bench_fill_listings(current_setting('bench.listings')::integer, current_setting('bench.distinct_listings')::integer,
                           current_setting('bench.start')::bigint);
DO $$
DECLARE
    definition text;
BEGIN
    FOR definition IN SELECT indexdef FROM bench_indices LOOP
        EXECUTE definition;
    END LOOP;
END
$$;
ANALYZE;
