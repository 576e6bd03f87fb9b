//! The messages between the runtime and the adapters.

use clearway_certify::Command;
use clearway_signals::{ControllerId, ControllerStatus, Millis, RequestId, RequestState};

/// The protocol families.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Protocol {
    /// NTCIP 1202 over SNMP.
    Ntcip,
    /// The register map of `docs/modbus-register-map.md` over Modbus TCP.
    Modbus,
    /// RSMP with the signal exchange list for traffic light controllers.
    Rsmp,
}

impl Protocol {
    /// The word of the model, the command line and the reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ntcip => "ntcip",
            Self::Modbus => "modbus",
            Self::Rsmp => "rsmp",
        }
    }
}

/// A command on its way out, with the instant of the fix that caused it.
///
/// Adapters take nothing else, and only the checker's plans, or a release, give a [`Command`]:
///
/// ```
/// # use clearway_certify::Command;
/// # use clearway_contract::{Dispatch, Keeper, Now};
/// fn offer(keeper: &mut Keeper, now: Now, command: Command) {
///     let _ = keeper.offer(now, &Dispatch { command, fix_ns: None });
/// }
/// ```
///
/// A wish that nobody has certified does not reach one:
///
/// ```compile_fail,E0308
/// # use clearway_certify::Ask;
/// # use clearway_contract::{Dispatch, Keeper, Now};
/// fn offer(keeper: &mut Keeper, now: Now, command: Ask) {
///     let _ = keeper.offer(now, &Dispatch { command, fix_ns: None });
/// }
/// ```
///
/// ```compile_fail,E0308
/// # use clearway_certify::CertifiedPlan;
/// # use clearway_contract::{Keeper, Now};
/// fn offer(keeper: &mut Keeper, now: Now, plan: CertifiedPlan) {
///     let _ = keeper.offer(now, &plan);
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Dispatch {
    /// The command.
    pub command: Command,
    /// When the fix that caused it was decoded, nanoseconds of the process's monotonic clock;
    /// `None` when no fix caused it (time passed, operator).
    pub fix_ns: Option<u64>,
}

/// Whether a controller can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum LinkState {
    /// Not yet reached.
    #[default]
    Connecting,
    /// Answers.
    Up,
    /// Does not answer.
    Down,
}

/// Detector readings of one controller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Whose readings.
    pub controller: ControllerId,
    /// When they were complete.
    pub at: Millis,
    /// For each detector of the site, in its order: vehicles since the reading before.
    pub vehicles: Vec<u16>,
    /// For each detector: occupied now.
    pub occupied: Vec<bool>,
}

/// What an adapter tells the runtime.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortEvent {
    /// A reading of the controller.
    Status(ControllerStatus),
    /// The link came up or went down.
    Link(ControllerId, LinkState),
    /// Every row of the arming gate holds.
    Armed(ControllerId),
    /// A row of the gate fails: nothing is written. Row and reason, for people.
    NotArmed(ControllerId, String),
    /// Detector readings.
    Counts(Counts),
    /// A command was written to the wire, and accepted by the device's answer.
    Written {
        /// The controller.
        controller: ControllerId,
        /// The request.
        request: RequestId,
        /// Whether it asserts.
        assert: bool,
        /// The stamp it came with.
        fix_ns: Option<u64>,
        /// When the write left, nanoseconds of the same clock.
        wire_ns: u64,
    },
    /// A read-back shows what the command asked for.
    Confirmed {
        /// The controller.
        controller: ControllerId,
        /// The request.
        request: RequestId,
        /// Whether it asserts.
        assert: bool,
        /// Whether a write of ours brought it about; a release of what was off already needs none.
        written: bool,
        /// The stamp it came with.
        fix_ns: Option<u64>,
        /// When the read-back was complete, nanoseconds of the same clock.
        confirmed_ns: u64,
    },
    /// The device, the gate or the lease refused a command; the reason for people.
    Refused(ControllerId, RequestId, String),
    /// The controller ended a request by its own word, which is final: served to its end, rejected,
    /// timed out, stale. It is given up.
    Ended(ControllerId, RequestId, RequestState),
}
