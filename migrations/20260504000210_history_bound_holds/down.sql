SELECT 'that a constraint was checked is not undone';
