DROP INDEX listings_newest;
CREATE INDEX listings_newest ON listings (created_at DESC, id DESC) WHERE status = 'active' AND deleted_at IS NULL;
DROP TRIGGER listings_are_indexed ON listings;
DROP FUNCTION crochet_listing_written();
DROP FUNCTION crochet_index_listing(listings);
DROP TABLE listing_words;
DROP TABLE listing_search;
DROP FUNCTION crochet_magnitude(bigint);
DROP FUNCTION crochet_ranked_lexemes(text, "char");
DROP FUNCTION crochet_search_lexemes(text);
DROP FUNCTION crochet_search_text(text);
-- Only where the way up made it.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_extension
                WHERE extname = 'pg_trgm' AND obj_description(oid, 'pg_extension') = 'trigrams, for Crochet''s search') THEN
        DROP EXTENSION pg_trgm;
    END IF;
END
$$;
