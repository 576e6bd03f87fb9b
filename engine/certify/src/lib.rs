//! The independent checker: the only maker of a [`CertifiedPlan`], and so of a [`Command`].
//!
//! It re-derives from the junction's own data that every request of a plan may be asked at all,
//! that what it asks for is free of conflict, that the controller can get there from any state
//! within a bound with every interval kept, and that every hold ends. It shares no code with
//! planning, allocates nothing and computes in integers only.
#![no_std]
#![forbid(unsafe_code)]

mod check;
mod command;
mod plan;
#[cfg(doctest)]
mod sealed;
mod service;

pub use check::{Finding, Held, certify};
pub use command::{Action, Command, release};
pub use plan::{Ask, CertifiedPlan, Class, Draft};
pub use service::{Service, service, worst_case_entry};
