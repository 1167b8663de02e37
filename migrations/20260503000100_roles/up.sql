-- The application's role, and what makes a table append-only.
--
-- Whoever migrates owns the tables. The application runs as crochet_app, which owns nothing: it may do what each
-- migration grants it, table by table, and no more. Roles belong to the whole cluster, so another database of it, or
-- another replica that starts at the same time, may have made this one already.
DO $$
DECLARE
    -- Since PostgreSQL 16 a role that creates another is a member of it, but may not yet become it.
    needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    BEGIN
        CREATE ROLE crochet_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
    EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    IF NOT pg_has_role(current_user, 'crochet_app', needed) THEN
        EXECUTE format('GRANT crochet_app TO %I', current_user);
    END IF;
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO crochet_app', current_schema());
END
$$;

-- SQLSTATE 23001 (restrict_violation), so that a program can tell this refusal from all others.
CREATE FUNCTION crochet_refuse_change() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;

-- ENABLE ALWAYS: a session in replica mode is refused as well.
CREATE PROCEDURE crochet_make_append_only(target regclass)
    LANGUAGE plpgsql
AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON %s '
                   'FOR EACH ROW EXECUTE FUNCTION crochet_refuse_change()', target);
    EXECUTE format('CREATE TRIGGER append_only_table BEFORE TRUNCATE ON %s '
                   'FOR EACH STATEMENT EXECUTE FUNCTION crochet_refuse_change()', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_rows', target);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only_table', target);
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', target);
    EXECUTE format('REVOKE ALL ON %s FROM crochet_app', target);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO crochet_app', target);
END
$$;

COMMENT ON FUNCTION crochet_refuse_change() IS 'Trigger of append-only tables: refuses UPDATE, DELETE and TRUNCATE, whoever asks.';
COMMENT ON PROCEDURE crochet_make_append_only(regclass) IS 'Gives a table its append-only triggers, and crochet_app SELECT and INSERT on it.';
