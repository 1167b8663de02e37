//! Publishing, changing, finding and removing listings, over the ports in memory.

#[cfg(test)]
mod any_json;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod challenge;
#[cfg(test)]
mod create;
#[cfg(test)]
mod endpoint;
#[cfg(test)]
mod find;
#[cfg(test)]
mod payouts;
#[cfg(test)]
mod price;
#[cfg(test)]
mod remove;
#[cfg(test)]
mod support;
#[cfg(test)]
mod update;
