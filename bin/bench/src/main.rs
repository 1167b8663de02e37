//! Fills a database and measures a gateway over HTTP.

fn main() {}
