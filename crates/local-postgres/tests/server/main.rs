//! A real server: how it starts, how it ends, and how tests get one.

#[cfg(test)]
mod parent;
#[cfg(test)]
mod start;
#[cfg(test)]
mod support;
#[cfg(all(test, feature = "testing"))]
mod testing;
