-- What gateways keep in memory of keys, profiles, listings, endpoints and payout wallets is taken back by these
-- notifications: whoever changes a row tells it, by whatever way it is changed. One channel, and in the payload what the
-- change is about. A notification is delivered after the commit, and none where nothing changed that a caller can see:
-- when a key was last used, how often a listing was called.
--
-- A transaction that notifies commits one after the other with all that do. So there is no trigger on anything that a
-- call writes, and none fires for the profile that is made for who pays by a header.

CREATE FUNCTION crochet_tell_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crochet_changes', 'key ' || encode(OLD.hash, 'hex'));
    RETURN NULL;
END
$$;

CREATE FUNCTION crochet_tell_profile() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crochet_changes', 'profile ' || OLD.id);
    RETURN NULL;
END
$$;

CREATE FUNCTION crochet_tell_listing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crochet_changes', 'listing ' || OLD.id);
    RETURN NULL;
END
$$;

CREATE FUNCTION crochet_tell_endpoint() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crochet_changes', 'listing ' || CASE TG_OP WHEN 'INSERT' THEN NEW.listing_id ELSE OLD.listing_id END);
    RETURN NULL;
END
$$;

-- A wallet may pass from one profile to another: both are told of.
CREATE FUNCTION crochet_tell_payout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM pg_notify('crochet_changes', 'seller ' || OLD.profile_id);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM pg_notify('crochet_changes', 'seller ' || NEW.profile_id);
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION crochet_tell_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('crochet_changes', 'all');
    RETURN NULL;
END
$$;

CREATE TRIGGER tell_update AFTER UPDATE ON api_keys FOR EACH ROW
    WHEN ((OLD.id, OLD.profile_id, OLD.name, OLD.prefix, OLD.hash, OLD.scopes, OLD.created_at, OLD.expires_at, OLD.revoked_at)
          IS DISTINCT FROM
          (NEW.id, NEW.profile_id, NEW.name, NEW.prefix, NEW.hash, NEW.scopes, NEW.created_at, NEW.expires_at, NEW.revoked_at))
    EXECUTE FUNCTION crochet_tell_key();
CREATE TRIGGER tell_delete AFTER DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION crochet_tell_key();
CREATE TRIGGER tell_truncate AFTER TRUNCATE ON api_keys FOR EACH STATEMENT EXECUTE FUNCTION crochet_tell_all();

CREATE TRIGGER tell_update AFTER UPDATE ON profiles FOR EACH ROW
    WHEN ((OLD.id, OLD.display_name, OLD.account_type, OLD.role, OLD.bio, OLD.website, OLD.avatar_url, OLD.is_verified, OLD.score, OLD.created_at)
          IS DISTINCT FROM
          (NEW.id, NEW.display_name, NEW.account_type, NEW.role, NEW.bio, NEW.website, NEW.avatar_url, NEW.is_verified, NEW.score, NEW.created_at))
    EXECUTE FUNCTION crochet_tell_profile();
CREATE TRIGGER tell_delete AFTER DELETE ON profiles FOR EACH ROW EXECUTE FUNCTION crochet_tell_profile();
CREATE TRIGGER tell_truncate AFTER TRUNCATE ON profiles FOR EACH STATEMENT EXECUTE FUNCTION crochet_tell_all();

-- Of a listing, what a call depends on; not its texts.
CREATE TRIGGER tell_update AFTER UPDATE ON listings FOR EACH ROW
    WHEN ((OLD.id, OLD.slug, OLD.provider_id, OLD.name, OLD.pricing_model, OLD.price_micros, OLD.preferred_currency, OLD.status,
           OLD.deleted_at, OLD.former_price_micros, OLD.price_changed_at)
          IS DISTINCT FROM
          (NEW.id, NEW.slug, NEW.provider_id, NEW.name, NEW.pricing_model, NEW.price_micros, NEW.preferred_currency, NEW.status,
           NEW.deleted_at, NEW.former_price_micros, NEW.price_changed_at))
    EXECUTE FUNCTION crochet_tell_listing();
CREATE TRIGGER tell_delete AFTER DELETE ON listings FOR EACH ROW EXECUTE FUNCTION crochet_tell_listing();
CREATE TRIGGER tell_truncate AFTER TRUNCATE ON listings FOR EACH STATEMENT EXECUTE FUNCTION crochet_tell_all();

CREATE TRIGGER tell_change AFTER INSERT OR UPDATE OR DELETE ON listing_gateway_endpoints FOR EACH ROW
    EXECUTE FUNCTION crochet_tell_endpoint();
CREATE TRIGGER tell_truncate AFTER TRUNCATE ON listing_gateway_endpoints FOR EACH STATEMENT
    EXECUTE FUNCTION crochet_tell_all();

CREATE TRIGGER tell_insert AFTER INSERT ON profile_wallets FOR EACH ROW
    WHEN ('payout' = ANY (NEW.capabilities))
    EXECUTE FUNCTION crochet_tell_payout();
CREATE TRIGGER tell_update AFTER UPDATE ON profile_wallets FOR EACH ROW
    WHEN ((OLD.id, OLD.profile_id, OLD.chain, OLD.address, OLD.is_primary, OLD.capabilities, OLD.status)
          IS DISTINCT FROM
          (NEW.id, NEW.profile_id, NEW.chain, NEW.address, NEW.is_primary, NEW.capabilities, NEW.status))
    EXECUTE FUNCTION crochet_tell_payout();
CREATE TRIGGER tell_delete AFTER DELETE ON profile_wallets FOR EACH ROW EXECUTE FUNCTION crochet_tell_payout();
CREATE TRIGGER tell_truncate AFTER TRUNCATE ON profile_wallets FOR EACH STATEMENT EXECUTE FUNCTION crochet_tell_all();

-- ENABLE ALWAYS: what a session in replica mode changes is told as well.
DO $$
DECLARE
    told record;
BEGIN
    FOR told IN SELECT tgrelid::regclass AS target, tgname FROM pg_trigger WHERE NOT tgisinternal AND tgname LIKE 'tell\_%' LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', told.target, told.tgname);
    END LOOP;
END
$$;

COMMENT ON FUNCTION crochet_tell_key() IS 'Tells gateways of a changed row, on the channel crochet_changes; so do its sisters.';
