//! The adapter author's kit, used as an author uses it: through the public interface alone.

mod built_in;
mod facade;
mod kit;
mod receiver;
mod sender;
mod zoo;
