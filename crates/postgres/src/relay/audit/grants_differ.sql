-- Whatever way the privilege comes: granted, to everybody, by membership, by owning the table.
SELECT CASE WHEN has_table_privilege(role.oid, guarded.name, privilege.name) THEN 'crochet_app may ' ELSE 'crochet_app may not ' END
       || privilege.name || ' on ' || guarded.name AS detail
  FROM pg_roles role
 CROSS JOIN (VALUES ('ledger_entries'), ('orphan_payments'), ('unknown_payments'), ('consumed_references')) guarded (name)
 CROSS JOIN (VALUES ('SELECT', true), ('INSERT', true), ('UPDATE', false), ('DELETE', false), ('TRUNCATE', false),
                    ('REFERENCES', false), ('TRIGGER', false)) privilege (name, is_wanted)
 WHERE role.rolname = 'crochet_app'
   AND has_table_privilege(role.oid, guarded.name, privilege.name) <> privilege.is_wanted
UNION ALL
SELECT 'crochet_app may UPDATE columns of ' || guarded.name
  FROM pg_roles role
 CROSS JOIN (VALUES ('ledger_entries'), ('orphan_payments'), ('unknown_payments'), ('consumed_references')) guarded (name)
 WHERE role.rolname = 'crochet_app' AND has_any_column_privilege(role.oid, guarded.name, 'UPDATE')
UNION ALL
SELECT 'there is no role crochet_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'crochet_app')
UNION ALL
SELECT 'crochet_app is a superuser' FROM pg_roles WHERE rolname = 'crochet_app' AND rolsuper
