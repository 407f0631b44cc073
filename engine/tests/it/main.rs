//! The adapter author's kit, used as an author uses it, and the engine on a bench: through the
//! public interface alone.

mod acknowledgements;
mod adapters;
mod administrator;
mod away;
mod bench;
mod built_in;
mod clients;
mod convoys;
mod desk;
mod dialogue;
mod ends;
mod facade;
mod host;
mod instances;
mod isolated;
mod kept;
mod kit;
mod message_box;
mod openings;
mod operators;
mod paused;
mod pipelines;
mod prices;
mod races;
mod receiver;
mod running;
mod sender;
mod sources;
mod staged;
mod stories;
mod stories_apart;
mod town;
mod tracked;
mod waits;
mod zoo;
