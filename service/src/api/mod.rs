//! The API and the page of a running engine (`docs/api.md`).

pub mod alarms;
pub mod frame;
pub mod incidents;
pub mod map;
pub mod metrics;
pub mod missions;
pub mod page;
pub mod scribe;
pub mod server;

pub use server::{ApiState, router};
