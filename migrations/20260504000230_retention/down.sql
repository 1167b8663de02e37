-- What was taken out stays out, in its files and tables.
DROP FUNCTION crochet_take_out(text, text);
DROP FUNCTION crochet_is_exported(uuid);
DROP TABLE exported_partitions;
