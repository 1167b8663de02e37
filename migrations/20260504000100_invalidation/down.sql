DROP FUNCTION crochet_tell_key() CASCADE;
DROP FUNCTION crochet_tell_profile() CASCADE;
DROP FUNCTION crochet_tell_listing() CASCADE;
DROP FUNCTION crochet_tell_endpoint() CASCADE;
DROP FUNCTION crochet_tell_payout() CASCADE;
DROP FUNCTION crochet_tell_all() CASCADE;
