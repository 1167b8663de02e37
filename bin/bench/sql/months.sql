-- The months from bench.start (epoch milliseconds) to the first that there is, out of `…_before`, which has to be empty: what
-- a gateway would have made one after the other in that time.
DO $$
DECLARE
    first constant timestamptz := crochet_month_of(to_timestamp(current_setting('bench.start')::bigint / 1000.0));
    bound constant uuid := (SELECT to_id FROM history_partitions WHERE from_id IS NULL);
    month timestamptz;
    history text;
    suffix text;
BEGIN
    IF crochet_first_id(first) >= bound THEN
        RETURN;
    END IF;
    FOREACH history IN ARRAY ARRAY['gateway_requests', 'gateway_attempts'] LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', history, history || '_before');
        month := first;
        WHILE crochet_first_id(month) < bound LOOP
            suffix := to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', history || '_' || suffix, history,
                           crochet_first_id(month), least(crochet_first_id(crochet_next_month(month)), bound));
            CALL crochet_name_indexes((history || '_' || suffix)::regclass, suffix);
            month := crochet_next_month(month);
        END LOOP;
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', history, history || '_before',
                       crochet_first_id(first));
    END LOOP;
END
$$;
