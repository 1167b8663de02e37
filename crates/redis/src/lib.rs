//! Rate limits that several gateways share, through Redis or Valkey.
