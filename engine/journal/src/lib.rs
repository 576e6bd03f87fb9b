//! The journal: every event in and every command out, in order, provable and replayable.
//!
//! A journal is a directory of segments. A record is framed with its length, a CRC-32C and its place
//! in a SHA-256 chain over all records, so that a flipped, lost, moved or inserted record shows.
//! One writer thread commits groups of records (`fdatasync` at most 5 ms after the first of a group);
//! nothing on the way of a command waits for it.
#![forbid(unsafe_code)]

pub mod frame;
pub mod policy;
pub mod reader;
pub mod replay;
pub mod wire;
pub mod writer;

pub use reader::{Damage, Entries, JournalError, Verified, verify};
pub use replay::{Divergence, Replayed, learned, replay};
pub use wire::{Entry, Start};
pub use writer::Journal;
