//! The vocabulary of signal control that every other crate shares.
//!
//! Identifiers, units, limits; signal groups, intergreens, request rows; what a controller
//! is seen to do and what it can be asked. No heap, no floating-point time, no I/O, so that
//! the independent checker in `clearway-certify` can stand on this crate alone.
#![no_std]
#![forbid(unsafe_code)]

pub mod capability;
pub mod group;
pub mod ids;
pub mod junction;
pub mod limits;
pub mod nema;
pub mod profile;
pub mod request;
pub mod status;
pub mod time_to_green;
pub mod units;

pub use capability::Capabilities;
pub use group::{GroupKind, GroupSet, SignalGroup};
pub use ids::{ControllerId, Epoch, GroupId, MissionId, RequestId, RowId, RowSet, VehicleId};
pub use junction::{Channel, Junction, Owner, Relation, RequestRow, RowKind};
pub use request::{RequestState, RequestStep};
pub use status::{ControllerStatus, Mode, PreemptState};
pub use units::{GeoPoint, Millis};
