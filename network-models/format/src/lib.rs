//! The network model on disk: reading, writing, checking, compiling.
//!
//! A model is a folder of GMNS tables and tables of our own (`docs/network-model.md`). One
//! definition of each table ([`schema`]) feeds the reader, the writer, the checks and
//! `datapackage.json`. Reading is bounded and never stops at the first fault: [`check`] gives all
//! of them, each with file, line, column, cause and cure. [`load`] gives the compiled network.
#![forbid(unsafe_code)]

mod check;
mod compile;
mod datapackage;
mod excerpt;
pub mod fault;
pub mod import;
mod index;
mod load;
mod meta;
pub mod model;
mod parse;
mod plan;
mod render;
mod scan;
pub mod schema;
pub mod table;
mod units;
mod wkt;
mod write;

pub use check::traps::{Trap, TrapKind, traps};
pub use compile::{CompileError, compile};
pub use fault::{Code, Fault, Report};
pub use load::{Loaded, check, load, read};
pub use model::Model;
pub use write::{WriteError, write};
