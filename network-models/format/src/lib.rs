//! The network model on disk: reading, writing, checking, importing, compiling.
#![forbid(unsafe_code)]

pub mod model;
