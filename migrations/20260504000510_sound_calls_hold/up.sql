-- Reads all calls once, while calls go on: the lock keeps off only what would change the table's shape.
ALTER TABLE gateway_requests VALIDATE CONSTRAINT gateway_requests_is_sound;
