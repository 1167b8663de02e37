DROP FUNCTION crochet_open_quotes(uuid[], text[], timestamptz);
