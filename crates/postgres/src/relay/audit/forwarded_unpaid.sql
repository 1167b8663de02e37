SELECT 'call ' || id || ' is ' || state AS detail
  FROM gateway_requests
 WHERE gross_micros IS NOT NULL AND settlement IS NULL AND state IN ('settled', 'forwarding', 'delivered', 'seller_failed')
