DROP TABLE unknown_payments;
