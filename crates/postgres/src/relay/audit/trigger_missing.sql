-- 'A': enabled even in replica mode. 27 is BEFORE, FOR EACH ROW, on UPDATE and DELETE; 34 is BEFORE, on TRUNCATE.
SELECT wanted.name || ' on ' || guarded.name AS detail
  FROM (VALUES ('ledger_entries'), ('orphan_payments'), ('unknown_payments'), ('consumed_references')) guarded (name)
 CROSS JOIN (VALUES ('append_only_rows', 27), ('append_only_table', 34)) wanted (name, type)
 WHERE NOT EXISTS (SELECT FROM pg_trigger
                    WHERE tgrelid = guarded.name::regclass
                      AND tgname = wanted.name
                      AND tgtype = wanted.type
                      AND tgenabled = 'A'
                      AND tgqual IS NULL
                      AND tgfoid = 'crochet_refuse_change()'::regprocedure)
