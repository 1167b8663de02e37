DROP INDEX gateway_requests_wanted;
ALTER TABLE gateway_requests DROP COLUMN check_wanted_at;
