//! The migrations are compiled in: cargo has to look at them too.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
