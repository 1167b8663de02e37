DROP TRIGGER listings_keep_former_price ON listings;
DROP FUNCTION listings_keep_former_price();
ALTER TABLE listings DROP COLUMN former_price_micros, DROP COLUMN price_changed_at;
