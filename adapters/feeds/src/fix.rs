//! The one internal form of everything that feeds say.

use clearway_signals::{GeoPoint, Millis, VehicleId};

use crate::wall::WallMs;

/// When a message came in: on the clock that counts and on the clock that judges its age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Monotonic time.
    pub received: Millis,
    /// Wall-clock time.
    pub wall: WallMs,
}

/// A position of a registered vehicle that passed every check.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VehicleFix {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// The source's own clock; `None` when the source sends none.
    pub source_time: Option<WallMs>,
    /// When it was received, monotonic.
    pub received: Millis,
    /// Where.
    pub place: GeoPoint,
    /// Degrees clockwise from north, 0 to 360.
    pub heading_deg: Option<f32>,
    /// Metres a second, 0 or more.
    pub speed_mps: Option<f32>,
    /// Dead reckoning, an old fix or an estimate: usable, with less trust.
    pub degraded: bool,
    /// The usual time between positions of its feed.
    pub cadence: Millis,
}

/// What names a mission: one vehicle's part in one case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MissionKey {
    /// The dispatch centre's case id.
    pub case: String,
    /// The dispatch centre's name of the vehicle.
    pub resource: String,
}

/// A mission began, changed or ended.
#[derive(Clone, PartialEq, Debug)]
pub struct MissionUpdate {
    /// Which mission.
    pub key: MissionKey,
    /// Whose.
    pub vehicle: VehicleId,
    /// When it was received, monotonic.
    pub received: Millis,
    /// What changed.
    pub kind: MissionChange,
}

/// What changed about a mission.
#[derive(Clone, PartialEq, Debug)]
pub enum MissionChange {
    /// Under way with right of way. A second `Start` of the same key replaces the first
    /// (the destination became known or moved).
    Start {
        /// Where to; `None` while the dispatch centre has not said.
        destination: Option<GeoPoint>,
        /// The duty, for people: the case's nature, never personal data.
        duty: String,
        /// The code of the case's nature; empty while the case is not known.
        code: String,
        /// How urgent the dispatch centre says it is, 0 (vital) to 3; `None` when it does not say.
        priority: Option<u8>,
    },
    /// No longer under way.
    End {
        /// Why.
        reason: EndReason,
    },
}

/// Why a mission ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum EndReason {
    /// The vehicle is at the scene or at its destination.
    Arrived,
    /// The dispatch centre took it back.
    Cancelled,
    /// On the way back, without right of way.
    Returning,
    /// The vehicle was given another case.
    Reassigned,
}

impl EndReason {
    /// The word of journal, API and page.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Cancelled => "cancelled",
            Self::Returning => "returning",
            Self::Reassigned => "reassigned",
        }
    }
}

/// The events of HFP version 2.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TransitEvent {
    /// `vp`: position, once a second.
    Position,
    /// `due`: about to arrive at the stop.
    Due,
    /// `arr`: inside the stop's radius.
    Arrive,
    /// `dep`: left the stop's radius.
    Depart,
    /// `ars`: arrived at the stop.
    ArriveStop,
    /// `pde`: ready to depart.
    ReadyToDepart,
    /// `pas`: passed the stop.
    Pass,
    /// `wait`: waits at the stop.
    Wait,
    /// `doo`: doors opened.
    DoorsOpen,
    /// `doc`: doors closed.
    DoorsClosed,
    /// `tlr`: asks a signal for priority.
    SignalRequest,
    /// `tla`: a signal answered.
    SignalAnswer,
    /// `da`: the driver signed in.
    DriverIn,
    /// `dout`: the driver signed out.
    DriverOut,
    /// `ba`: the vehicle was assigned to a block.
    BlockIn,
    /// `bout`: the vehicle was taken off its block.
    BlockOut,
    /// `vja`: signed in to a journey.
    JourneyIn,
    /// `vjout`: signed out of a journey.
    JourneyOut,
}

/// What a transit vehicle says of itself.
#[derive(Clone, PartialEq, Debug)]
pub struct TransitUpdate {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// When it was received, monotonic.
    pub received: Millis,
    /// What passengers call the line; empty off a line.
    pub line: String,
    /// GTFS direction, 0 or 1.
    pub direction: Option<u8>,
    /// Seconds behind the timetable; negative is early.
    pub lateness_s: Option<i32>,
    /// Per cent of its places that are taken, 1 to 100.
    pub load_pct: Option<u8>,
    /// Whether a door is open.
    pub doors_open: Option<bool>,
    /// Id of the next stop; `None` at the end of the line or when not said.
    pub next_stop: Option<String>,
    /// What happened.
    pub event: TransitEvent,
    /// Where, when the message carried a usable position.
    pub fix: Option<VehicleFix>,
    /// On a journey with passengers, under way. Others get no priority.
    pub in_service: bool,
}

/// What a priority request is about (`tlp-requesttype`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum RequestType {
    /// On approach.
    Normal,
    /// Doors closed, ready to go.
    DoorClose,
    /// Doors opened at a stop before the signal.
    DoorOpen,
    /// Early announcement.
    Advance,
}

/// How much is asked for. A vehicle that asks for nothing makes no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum PriorityLevel {
    /// Ordinary priority.
    Normal,
    /// High priority.
    High,
}

/// A vehicle asks a junction for priority.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PriorityRequest {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// When it was received, monotonic.
    pub received: Millis,
    /// The source's name of the junction (HFP `sid`).
    pub junction: u32,
    /// The source's name of the signal group.
    pub signal_group: Option<i32>,
    /// The vehicle's number of the request; wraps.
    pub request_id: u8,
    /// What about; `None` when the source's word is not known.
    pub kind: Option<RequestType>,
    /// How much.
    pub level: PriorityLevel,
}

/// A junction answered a priority request. An acknowledgement does not promise green.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PriorityResponse {
    /// The vehicle.
    pub vehicle: VehicleId,
    /// When it was received, monotonic.
    pub received: Millis,
    /// The source's name of the junction, from the request.
    pub junction: u32,
    /// The request's number.
    pub request_id: u8,
    /// Whether the message was acknowledged.
    pub acknowledged: bool,
}

/// A case of the dispatch centre, without anything about persons.
#[derive(Clone, PartialEq, Debug)]
pub struct Incident {
    /// The case id.
    pub case: String,
    /// When it was received, monotonic.
    pub received: Millis,
    /// Code of what happened (`C04.02.01`: fire, dwelling).
    pub code: String,
    /// The code's own label.
    pub label: String,
    /// How urgent the dispatch centre says it is, 0 (vital) to 3; `None` when it does not say.
    pub priority: Option<u8>,
    /// Where; `None` when the case has no coordinates.
    pub place: Option<GeoPoint>,
}

/// One thing that a feed said.
#[derive(Clone, PartialEq, Debug)]
pub enum FeedEvent {
    /// A position of an emergency vehicle. Alone it never preempts.
    Fix(VehicleFix),
    /// A mission began, changed or ended.
    Mission(MissionUpdate),
    /// The state of a transit vehicle, with its position.
    Transit(TransitUpdate),
    /// A transit vehicle asks for priority.
    Request(PriorityRequest),
    /// A junction answered a transit vehicle.
    Response(PriorityResponse),
    /// A case was opened or changed.
    Incident(Incident),
}
