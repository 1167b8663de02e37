//! The forwarder against sellers on loopback that do what sellers do, and worse.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod call;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http2;
#[cfg(test)]
mod pooling;
#[cfg(test)]
mod seller;
#[cfg(test)]
mod tls;
