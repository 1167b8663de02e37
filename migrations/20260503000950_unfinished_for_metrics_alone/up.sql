-- For what metrics count, and nothing else: the planner takes the index for a statement that has the very same
-- condition, IS TRUE included. Before, it also took it for one buyer's open quotes, since it believed that there are
-- hardly any calls under way: after a rush it read those of everybody, until the statistics were new.
CREATE INDEX gateway_requests_in_hand ON gateway_requests (state, lease_until)
    WHERE (state IN ('quoting', 'quoted', 'pending', 'settled', 'forwarding')
       OR (state = 'seller_failed' AND gross_micros IS NOT NULL)) IS TRUE;
DROP INDEX gateway_requests_unfinished;
ALTER INDEX gateway_requests_in_hand RENAME TO gateway_requests_unfinished;
