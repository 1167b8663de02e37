//! Registration, recovery, wallets and keys, over the ports in memory.

#[cfg(test)]
mod keys;
#[cfg(test)]
mod link;
#[cfg(test)]
mod profile;
#[cfg(test)]
mod recover;
#[cfg(test)]
mod register;
#[cfg(test)]
mod support;
#[cfg(test)]
mod wallets;
