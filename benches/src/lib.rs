//! Part of Floodgate.
