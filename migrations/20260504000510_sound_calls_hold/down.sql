-- A constraint that holds is no less one that is not valid: there is nothing to undo.
SELECT 1;
