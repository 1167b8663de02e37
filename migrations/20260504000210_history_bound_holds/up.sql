-- Reads all calls once, while calls go on: the lock keeps off only what would change the tables' shape.
DO $$
DECLARE
    bounded record;
BEGIN
    FOR bounded IN SELECT conrelid::regclass AS name, conname FROM pg_constraint
                    WHERE conname IN ('gateway_requests_bound', 'gateway_attempts_bound')
                      AND conrelid IN ('gateway_requests'::regclass, 'gateway_attempts'::regclass)
    LOOP
        EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', bounded.name, bounded.conname);
    END LOOP;
END
$$;
