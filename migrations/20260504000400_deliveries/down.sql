DROP TABLE counted_hours;
DROP TABLE listing_deliveries;
