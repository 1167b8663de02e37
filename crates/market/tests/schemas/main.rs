//! What OpenAPI says of the market's JSON, held against what the market really takes and gives.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod document;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod forms;
#[cfg(test)]
mod values;
#[cfg(test)]
mod views;
#[cfg(test)]
mod world;
