DROP PROCEDURE crochet_make_append_only(regclass);
DROP FUNCTION crochet_refuse_change();
-- The role stays: other databases of the cluster may use it, and it holds nothing by itself.
DO $$
BEGIN
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM crochet_app', current_schema());
END
$$;
