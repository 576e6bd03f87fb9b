//! A running engine with everything around it: feeds in, adapters out, the board that the page shows.

pub mod alarms;
pub mod board;
pub mod broker;
mod controllers;
pub mod feeds;
#[cfg(test)]
mod hung_tests;
pub mod incidents;
pub mod intake;
mod local_time;
pub mod missions;
pub mod modbus;
pub mod ntcip;
pub mod plant;
pub mod publish;
pub mod release;
mod rsmp;
mod site_report;
pub mod sites;
pub mod texts;
mod unit_report;

pub use plant::{Plant, Surface};
