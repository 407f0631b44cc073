//! Integration tests of the simulator, in one binary.

mod fixture;
mod smoke;
