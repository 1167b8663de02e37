-- Since when somebody wants a call to be looked at: a payment provider's webhook. Beside next_check_at, because every
-- change of a call sets that anew, and what a webhook knows may be newer than the change.
ALTER TABLE gateway_requests ADD COLUMN check_wanted_at timestamptz;
CREATE INDEX gateway_requests_wanted ON gateway_requests (check_wanted_at) WHERE check_wanted_at IS NOT NULL;
COMMENT ON COLUMN gateway_requests.check_wanted_at IS 'Since when a look at this call is wanted, by a webhook; null once it was claimed.';
