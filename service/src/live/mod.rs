//! A running engine with everything around it: feeds in, adapters out, the board that the page shows.

pub mod board;
pub mod broker;
pub mod feeds;
pub mod intake;
pub mod missions;
pub mod modbus;
pub mod ntcip;
pub mod plant;
mod rsmp;
pub mod sites;
pub mod texts;

pub use plant::{Plant, Surface};
