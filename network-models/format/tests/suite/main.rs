//! The format from outside: folders in, reports, networks and folders out.

mod any_bytes;
mod compiled;
mod document;
mod faults;
mod folder;
mod limits;
mod round_trip;
