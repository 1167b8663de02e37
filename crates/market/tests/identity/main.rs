//! Registration, recovery, wallets and keys, over the ports in memory.

mod keys;
mod link;
mod profile;
mod recover;
mod register;
mod support;
mod wallets;
