DROP INDEX gateway_requests_unfinished;
CREATE INDEX gateway_requests_unfinished ON gateway_requests (state, lease_until)
    WHERE state IN ('quoting', 'quoted', 'pending', 'settled', 'forwarding')
       OR (state = 'seller_failed' AND gross_micros IS NOT NULL);
