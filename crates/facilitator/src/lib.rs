//! Payments that come in a header: verified and submitted through x402 facilitators, and read from the chain.
