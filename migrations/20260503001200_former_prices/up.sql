-- What a call of a listing cost before its price last changed: who pays by a header may have read that price, and is
-- not told of the new one. Kept by a trigger, so that no way of changing a price can forget it.
ALTER TABLE listings
    ADD COLUMN former_price_micros bigint CHECK (former_price_micros > 0),
    ADD COLUMN price_changed_at    timestamptz;

CREATE FUNCTION listings_keep_former_price() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.former_price_micros := CASE WHEN OLD.pricing_model = 'per_call' AND OLD.price_micros > 0 THEN OLD.price_micros END;
    NEW.price_changed_at := clock_timestamp();
    RETURN NEW;
END
$$;

CREATE TRIGGER listings_keep_former_price BEFORE UPDATE OF price_micros, pricing_model ON listings
    FOR EACH ROW WHEN (OLD.price_micros IS DISTINCT FROM NEW.price_micros OR OLD.pricing_model IS DISTINCT FROM NEW.pricing_model)
    EXECUTE FUNCTION listings_keep_former_price();
