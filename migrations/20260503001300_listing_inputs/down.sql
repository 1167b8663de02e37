DROP TABLE listing_inputs;
