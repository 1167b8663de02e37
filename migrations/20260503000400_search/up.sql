-- Full-text search over listings: see docs/adr/0014-search.md.
--
-- The search index is a table of its own, which a trigger keeps. So adding it rewrites nothing: while it is filled,
-- listings are read as before and written only afterwards. And counting deliveries anew, which changes many listings,
-- changes no column of it that has an index: its rows are then updated in place (HOT) and the GIN indices stay as they
-- are.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN
        CREATE EXTENSION pg_trgm;
        -- So that the way down knows whose it is.
        COMMENT ON EXTENSION pg_trgm IS 'trigrams, for Crochet''s search';
    END IF;
EXCEPTION
    WHEN feature_not_supported OR undefined_file THEN
        RAISE EXCEPTION 'PostgreSQL''s extension pg_trgm is not installed on the database server: install postgresql-contrib there, of the server''s version'
            USING ERRCODE = 'feature_not_supported';
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'this user may not create the extension pg_trgm: GRANT CREATE ON DATABASE to it, or let an administrator run CREATE EXTENSION pg_trgm in this database'
            USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Words separated by single spaces: compatibility forms resolved, accents folded, lower case, whatever is neither letter
-- nor digit taken out. What is written without spaces (Han, Kana, Thai, Lao) is taken apart into characters, so that a
-- phrase of them finds them anywhere. IMMUTABLE: unlike unaccent(), it depends on no dictionary that could change.
CREATE FUNCTION crochet_search_text(input text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT CASE WHEN octet_length(input) = char_length(input)
        THEN btrim(regexp_replace(lower(input), '[^a-z0-9]+', ' ', 'g'))
        ELSE btrim(regexp_replace(regexp_replace(
            lower(normalize(regexp_replace(normalize(input, NFKD),
                '[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]+', '', 'g'), NFC)),
            '([\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]'
            '|[\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0ec6][\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece]*)', ' \1 ', 'g'),
            '[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u05be\u05c0\u05c3\u05c6\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965'
            '\u2000-\u2bff\u2e00-\u2e7f\u3000-\u3004\u3008-\u3030\u303d-\u3040\u30a0\u30fb\ue000-\uf8ff\ufe00-\ufe0f\ufeff\ufff0-\uffff\U0001f000-\U0001faff]+', ' ', 'g'))
    END
$$;
COMMENT ON FUNCTION crochet_search_text(text) IS 'What is searched for and what is searched in, both in this form.';

-- What a text is found by: its words as they are written, with their places, and their English stems beside them, so that
-- words of any language are found exactly, and English ones in any form. `0border0` is a word that is taken out again:
-- what it leaves is a gap that no phrase reaches across.
CREATE FUNCTION crochet_search_lexemes(input text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT to_tsvector('pg_catalog.simple', clean || ' 0border0 ') || strip(to_tsvector('pg_catalog.english', clean))
      FROM crochet_search_text(input) clean
$$;

-- The same of a short text, whose stems have places and a weight too: it is ranked.
CREATE FUNCTION crochet_ranked_lexemes(input text, weight "char") RETURNS tsvector
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT setweight(to_tsvector('pg_catalog.simple', clean || ' 0border0 ')
        || to_tsvector('pg_catalog.english', clean || ' 0border0 '), weight)
      FROM crochet_search_text(input) clean
$$;

-- 0, 1, 2 for 2 and 3, 3 for 4 to 7, and so on.
CREATE FUNCTION crochet_magnitude(number bigint) RETURNS smallint
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT char_length(ltrim(number::bit(64)::text, '0'))::smallint
$$;

CREATE TABLE listing_search (
    id            uuid        PRIMARY KEY REFERENCES listings (id) ON DELETE CASCADE,
    provider_id   uuid        NOT NULL,
    category_id   uuid,
    pricing_model text        NOT NULL,
    price_micros  bigint      NOT NULL,
    delivery_type text        NOT NULL,
    status        text        NOT NULL,
    created_at    timestamptz NOT NULL,
    delivered_30d bigint      NOT NULL,
    popularity    smallint    NOT NULL,
    tags          text[]      NOT NULL,
    name_key      text        COLLATE "C" NOT NULL,
    title         tsvector    NOT NULL,
    head          tsvector,
    words         tsvector    NOT NULL
-- Room for new versions of two rows on each page. Where a vector is stored apart, what is left of the row stays narrow.
) WITH (fillfactor = 75, toast_tuple_target = 512);
COMMENT ON TABLE listing_search IS 'What listings are found by. Kept by a trigger on listings; nothing else writes to it.';
COMMENT ON COLUMN listing_search.popularity IS 'Magnitude of delivered_30d, in powers of two: so that it seldom changes.';
COMMENT ON COLUMN listing_search.title IS 'Lexemes of name (A) and tags (B).';
COMMENT ON COLUMN listing_search.head IS 'Lexemes of name, tags and description, where there is documentation; else words has no others.';
COMMENT ON COLUMN listing_search.words IS 'Lexemes of name, tags, description and documentation.';

CREATE TABLE listing_words (
    word text COLLATE "C" PRIMARY KEY CHECK (char_length(word) BETWEEN 3 AND 40)
);
COMMENT ON TABLE listing_words IS 'Words that were ever in a name, a tag or a description: what a mistyped word could have meant.';

-- Never fails because of what a text holds: what is read of it is bounded, so that no vector comes near its limit of
-- 1 MB; positions beyond 16,383 all count as that one.
CREATE FUNCTION crochet_index_listing(listing listings) RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    tags_text text := array_to_string(listing.tags, ' 0border0 ');
    head_lexemes tsvector := crochet_search_lexemes(listing.name) || crochet_search_lexemes(tags_text)
        || crochet_search_lexemes(listing.description);
    docs_lexemes tsvector := crochet_search_lexemes(left(listing.docs, 20000));
BEGIN
    INSERT INTO listing_search (id, provider_id, category_id, pricing_model, price_micros, delivery_type, status, created_at,
        delivered_30d, popularity, tags, name_key, title, head, words)
    VALUES (listing.id, listing.provider_id, listing.category_id, listing.pricing_model, listing.price_micros,
        listing.delivery_type, listing.status, listing.created_at, listing.delivered_30d, crochet_magnitude(listing.delivered_30d),
        ARRAY(SELECT lower(tag) FROM unnest(listing.tags) tag), left(crochet_search_text(listing.name), 200),
        ts_delete(crochet_ranked_lexemes(listing.name, 'A') || crochet_ranked_lexemes(tags_text, 'B'), '0border0'),
        CASE WHEN docs_lexemes IS NOT NULL THEN ts_delete(head_lexemes, '0border0') END,
        ts_delete(head_lexemes || coalesce(docs_lexemes, ''), '0border0'))
    ON CONFLICT (id) DO UPDATE
       SET provider_id = excluded.provider_id, category_id = excluded.category_id, pricing_model = excluded.pricing_model,
           price_micros = excluded.price_micros, delivery_type = excluded.delivery_type, status = excluded.status,
           created_at = excluded.created_at, delivered_30d = excluded.delivered_30d, popularity = excluded.popularity,
           tags = excluded.tags, name_key = excluded.name_key, title = excluded.title, head = excluded.head, words = excluded.words;
    -- In their order, so that two transactions never wait for one another.
    INSERT INTO listing_words (word)
    SELECT word FROM unnest(tsvector_to_array(head_lexemes)) word
     WHERE char_length(word) BETWEEN 3 AND 40 AND word ~ '[^0-9]' AND word <> '0border0'
     ORDER BY word COLLATE "C"
        ON CONFLICT DO NOTHING;
END
$$;

CREATE FUNCTION crochet_listing_written() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.deleted_at IS NOT NULL THEN
        DELETE FROM listing_search WHERE id = NEW.id;
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.name, OLD.description, OLD.tags, OLD.docs) IS NOT DISTINCT FROM (NEW.name, NEW.description, NEW.tags, NEW.docs) THEN
            UPDATE listing_search
               SET provider_id = NEW.provider_id, category_id = NEW.category_id, pricing_model = NEW.pricing_model,
                   price_micros = NEW.price_micros, delivery_type = NEW.delivery_type, status = NEW.status,
                   created_at = NEW.created_at, delivered_30d = NEW.delivered_30d,
                   popularity = crochet_magnitude(NEW.delivered_30d)
             WHERE id = NEW.id;
            IF FOUND THEN
                RETURN NULL;
            END IF;
        END IF;
    END IF;
    PERFORM crochet_index_listing(NEW);
    RETURN NULL;
END
$$;

-- Holds writers off until this migration is done; readers go on.
CREATE TRIGGER listings_are_indexed AFTER INSERT OR UPDATE ON listings
    FOR EACH ROW EXECUTE FUNCTION crochet_listing_written();

-- What there is already. Filled before there are indices, which is quicker.
SELECT crochet_index_listing(listing) FROM listings listing WHERE deleted_at IS NULL;

-- Without pending lists (fastupdate): listings are searched far more often than written, and a search reads the pending
-- list from end to end.
CREATE INDEX listing_search_words ON listing_search USING gin (words) WITH (fastupdate = off);
CREATE INDEX listing_search_title ON listing_search USING gin (title) WITH (fastupdate = off);
CREATE INDEX listing_search_tags ON listing_search USING gin (tags) WITH (fastupdate = off);
CREATE INDEX listing_search_popular ON listing_search (popularity DESC, id DESC) WHERE status = 'active';
CREATE INDEX listing_search_newest ON listing_search (created_at DESC, id DESC) WHERE status = 'active';
CREATE INDEX listing_search_cheapest ON listing_search (price_micros, id DESC) WHERE status = 'active';
CREATE INDEX listing_search_dearest ON listing_search (price_micros DESC, id DESC) WHERE status = 'active';
CREATE INDEX listing_search_of_provider ON listing_search (provider_id);
CREATE INDEX listing_search_name ON listing_search (name_key, id);
CREATE INDEX listing_words_trigrams ON listing_words USING gin (word gin_trgm_ops) WITH (fastupdate = off);
-- So that the planner knows how frequent more than the 1,000 most frequent words are.
ALTER TABLE listing_search ALTER COLUMN words SET STATISTICS 300, ALTER COLUMN title SET STATISTICS 300;
ANALYZE listing_search, listing_words;

-- The order of lists without words, with what they are filtered by: whatever the filters, it is read without the rows.
CREATE INDEX listings_newest_filtered ON listings (created_at DESC, id DESC)
    INCLUDE (category_id, delivery_type, pricing_model, price_micros, provider_id) WHERE status = 'active' AND deleted_at IS NULL;
DROP INDEX listings_newest;
ALTER INDEX listings_newest_filtered RENAME TO listings_newest;

-- The rights of the application's role, with which the trigger works too.
GRANT SELECT, INSERT, UPDATE, DELETE ON listing_search TO crochet_app;
GRANT SELECT, INSERT ON listing_words TO crochet_app;
