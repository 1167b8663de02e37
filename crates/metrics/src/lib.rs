//! What the gateway does, counted for Prometheus.
