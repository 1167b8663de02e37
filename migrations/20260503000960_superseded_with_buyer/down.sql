DROP INDEX gateway_requests_superseded_of_seller;
CREATE INDEX gateway_requests_superseded_of_seller ON gateway_requests (seller_id, id DESC) WHERE superseded_by IS NOT NULL;
