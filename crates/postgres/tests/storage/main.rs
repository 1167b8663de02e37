//! The adapter over a real PostgreSQL. One program and one cluster for all of it; a database for each test.

#[cfg(test)]
mod append_only;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod gauges;
#[cfg(test)]
mod journal_contract;
#[cfg(test)]
mod market;
#[cfg(test)]
mod market_contract;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod months;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod races;
#[cfg(test)]
mod reconcile;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod statements;
#[cfg(test)]
mod support;
