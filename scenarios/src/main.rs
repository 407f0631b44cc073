//! The command `floodgate`.
fn main() {}
