-- Towards history in months (docs/adr/0034): the calls that there are become the partition of everything before some
-- month. So that they need not be read through under a lock that holds everybody off, a constraint says beforehand that
-- they are all from before it. Here it is only made, which takes a moment, and it is checked by the next migration, under
-- a lock that lets calls go on.
--
-- The month begins a week from now at the earliest: for as long, calls go on should the migrations stop in between.
DO $$
DECLARE
    bound uuid := (lpad(to_hex((extract(epoch FROM date_trunc('month', now() + interval '7 days', 'UTC')
        AT TIME ZONE 'UTC' + interval '1 month') * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
BEGIN
    -- With nothing to read through, and where clocks were so wrong that calls are from after the bound, it is done without.
    IF EXISTS (SELECT FROM gateway_requests)
        AND NOT EXISTS (SELECT FROM gateway_requests WHERE id >= bound)
        AND NOT EXISTS (SELECT FROM gateway_attempts WHERE call_id >= bound)
    THEN
        EXECUTE format('ALTER TABLE gateway_requests ADD CONSTRAINT gateway_requests_bound CHECK (id < %L::uuid) NOT VALID', bound);
        EXECUTE format('ALTER TABLE gateway_attempts ADD CONSTRAINT gateway_attempts_bound CHECK (call_id < %L::uuid) NOT VALID', bound);
    END IF;
END
$$;
