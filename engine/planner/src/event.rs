//! What can happen to the engine.

use clearway_network::{LineId, LinkId};
use clearway_signals::{
    ControllerId, ControllerStatus, GeoPoint, Millis, MissionId, RequestId, RequestState, VehicleId,
};

use crate::learn::Lesson;

/// A position that has passed its feed's checks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VehicleFix {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// When it was received.
    pub received: Millis,
    /// Where it was.
    pub place: GeoPoint,
    /// Degrees clockwise from north, where the source gives it.
    pub heading_deg: Option<f32>,
    /// Metres a second, where the source gives it.
    pub speed_mps: Option<f32>,
    /// Dead-reckoned or otherwise doubtful.
    pub degraded: bool,
    /// The usual time between its source's positions, as configured: what the first one ages by (S15).
    pub cadence: Millis,
}

/// Who drives where: without it a position never preempts (X3).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mission {
    /// Its id.
    pub id: MissionId,
    /// Who drives.
    pub vehicle: VehicleId,
    /// Where to.
    pub destination: GeoPoint,
    /// How urgent: 0 the most, 3 the least. Decides who goes first where two emergency vehicles meet.
    pub priority: u8,
    /// What the duty is, among those that the policy names.
    pub duty: Option<DutyId>,
}

/// A duty that the policy names, by its place there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct DutyId(pub u8);

impl Mission {
    /// The priority of a mission whose source gives none: urgent, not vital.
    pub const PRIORITY: u8 = 1;

    /// A mission of usual priority and no particular duty.
    #[must_use]
    pub const fn new(id: MissionId, vehicle: VehicleId, destination: GeoPoint) -> Self {
        Self { id, vehicle, destination, priority: Self::PRIORITY, duty: None }
    }
}

/// A tram's or bus's report.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TransitUpdate {
    /// The position.
    pub fix: VehicleFix,
    /// The line and direction it runs on.
    pub line: LineId,
    /// Seconds late; negative when early; `None` when the source does not know.
    pub lateness_s: Option<i32>,
    /// Whether its doors are open, where the source says so.
    pub doors_open: Option<bool>,
}

/// Detector readings of one controller, by the position of the detector in the network's list.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Counts {
    /// The controller.
    pub controller: ControllerId,
    /// When the reading was complete.
    pub at: Millis,
    /// Vehicles since the reading before.
    pub vehicles: [u16; Self::MAX],
    /// Bit n: detector n is occupied.
    pub occupied: u32,
}

impl Counts {
    /// Detectors of one controller that are read.
    pub const MAX: usize = 32;
}

/// Local time of the site, as the driver of the engine knows it: an input, the engine reads no clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LocalTime {
    /// Day of the week, 0 (Monday) to 6.
    pub weekday: u8,
    /// Minute of the day, 0 to 1439.
    pub minute: u16,
}

/// Everything that can happen. Closed: the engine's loop handles each one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Event {
    /// A position of an emergency vehicle.
    Fix(VehicleFix),
    /// A mission begins, or its destination changes.
    Mission(Mission),
    /// A mission ends: cancelled, arrived, returned.
    MissionEnd(MissionId),
    /// A tram or bus reported.
    Transit(TransitUpdate),
    /// A tram or bus went out of service or fell silent.
    TransitEnd(VehicleId),
    /// A controller was read.
    Status(ControllerStatus),
    /// A controller passed the arming gate, or no longer does.
    Armed(ControllerId, bool),
    /// Detectors were read.
    Counts(Counts),
    /// A link cannot be passed until then; a time that is over opens it.
    Blocked(LinkId, Millis),
    /// A link cannot be passed by trams and buses until then, and emergency vehicles still drive there; a
    /// time that is over opens it.
    TransitBlocked(LinkId, Millis),
    /// How full a tram or bus is, in per cent of its places.
    Load(VehicleId, u8),
    /// What the site's clocks show from now on; once a minute, and at the start.
    LocalTime(LocalTime),
    /// Something that an engine before this one learned.
    Learned(Lesson),
    /// A controller ended a request by its own word: a final state.
    Ended(ControllerId, RequestId, RequestState),
    /// Time passed; ten times a second.
    Tick,
    /// The operator, or the end of the process, wants every own request taken back.
    ReleaseAll,
}
