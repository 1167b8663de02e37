-- How many calls in these states each of these buyers has; of those that are being quoted, the ones whose lease goes on.
-- The buyer's place in the array is its count's.
--
-- A function, so that it is planned once for each connection: left to itself, PostgreSQL plans such a query over all
-- partitions anew every time, which takes ten times as long as running it. Each count reads one range of one index in
-- each partition, gateway_requests_by_buyer_and_state, whatever there is in them: the order is nobody's wish, it makes
-- that index the cheapest also where statistics know nothing of the states.
CREATE FUNCTION crochet_open_quotes(buyers uuid[], states text[], at timestamptz) RETURNS bigint[]
    LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET enable_bitmapscan = off
AS $$
BEGIN
    RETURN (
        SELECT array_agg(open ORDER BY place)
          FROM (
            SELECT place, sum(calls.open)::bigint AS open
              FROM unnest(buyers) WITH ORDINALITY asked (buyer, place)
             CROSS JOIN unnest(states) wanted (state)
             CROSS JOIN LATERAL (
                 SELECT count(*) AS open
                   FROM (SELECT lease_until FROM gateway_requests call
                          WHERE call.buyer_id = asked.buyer AND call.state = wanted.state
                          ORDER BY call.id DESC) ordered
                  WHERE wanted.state <> 'quoting' OR lease_until > at) calls
             GROUP BY place) counted);
END
$$;
