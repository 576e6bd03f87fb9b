//! What the page is told: the types of `docs/api.md`, one definition for server and OpenAPI.

use serde::Serialize;
use utoipa::ToSchema;

/// `/api/network`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NetworkDoc {
    pub name: String,
    pub notice: String,
    pub attribution: String,
    /// West, south, east, north.
    pub bounds: [f64; 4],
    pub links: Vec<LinkDoc>,
    pub controllers: Vec<ControllerDoc>,
    pub stops: Vec<StopDoc>,
}

/// A link to draw.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LinkDoc {
    pub id: u32,
    /// The model's id.
    pub name: String,
    pub street: String,
    pub uses: Vec<&'static str>,
    pub lanes: u8,
    pub speed_mps: f64,
    pub line: Vec<[f64; 2]>,
}

/// A controller to draw.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ControllerDoc {
    pub id: u16,
    pub name: String,
    pub title: String,
    pub protocol: &'static str,
    pub priority: bool,
    pub lon: f64,
    pub lat: f64,
    pub groups: Vec<String>,
    pub heads: Vec<HeadDoc>,
}

/// A signal head to draw.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeadDoc {
    pub group: u8,
    pub kind: &'static str,
    pub lon: f64,
    pub lat: f64,
    pub heading_deg: f32,
}

/// A stop to draw.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StopDoc {
    pub name: String,
    pub lon: f64,
    pub lat: f64,
}

/// A message of `/api/live`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Frame {
    /// `snapshot` or `delta`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub seq: u64,
    pub server_time: String,
    pub engine: EngineDoc,
    pub controllers: Vec<ControllerState>,
    pub vehicles: Vec<VehicleState>,
    pub removed_vehicles: Vec<String>,
    pub waves: Vec<WaveDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feeds: Option<Vec<FeedDoc>>,
    pub events: Vec<EventDoc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<DemoDoc>,
}

/// The engine itself.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EngineDoc {
    /// `live`, `shadow` or `dead`.
    pub state: &'static str,
    pub shadow_why: Option<String>,
    pub fix_to_command_us: LatencyDoc,
    pub commands_sent: u64,
    pub commands_confirmed: u64,
}

/// Percentiles, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct LatencyDoc {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// A controller's state.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ControllerState {
    pub id: u16,
    pub link: &'static str,
    pub armed: bool,
    pub why: Option<String>,
    pub mode: &'static str,
    pub age_ms: Option<i64>,
    /// A letter for each group: G, Y, R, C or ?.
    pub aspects: String,
    pub preempt: Option<PreemptDoc>,
    /// How many alarms ask for attention; of RSMP sites. The alarms themselves are told on demand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_count: Option<AlarmCount>,
    /// What its aggregated status says, of RSMP sites; whether it is coordinated, of NTCIP units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub condition: Vec<&'static str>,
    /// In sentences: what became of priority requests and emergency routes there, of RSMP sites; what
    /// unit it is, its pattern, a clock that is off, of NTCIP units.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// How many alarms of a controller ask for attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlarmCount {
    /// Active ones whose messages are not suspended.
    pub active: u32,
    /// Those that nobody acknowledged, active or over, not suspended.
    pub unacknowledged: u32,
    /// Those whose messages are suspended.
    pub suspended: u32,
    /// The most urgent priority of the active ones, 1 is the highest.
    pub priority: Option<u8>,
}

/// A controller with its alarms.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ControllerReport {
    #[serde(flatten)]
    pub state: ControllerState,
    /// Alarms that are active, not acknowledged or suspended; of RSMP sites.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmDoc>,
    /// What the unit says of itself; of NTCIP units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitDoc>,
}

/// What an NTCIP unit says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnitDoc {
    /// Of its module (globalModuleTable).
    pub make: String,
    pub model: String,
    pub version: String,
    /// Over the model's controller and the tables that the arming gate reads.
    pub checksum: String,
    /// The line of `clearway.toml` that commissions it as it is now.
    pub commission: String,
    /// Rows of its preempt tables.
    pub max_preempts: Option<u8>,
    /// How preemption by each row of ours is left, where it says so.
    pub exits: Vec<ExitDoc>,
    pub coordination: Option<CoordinationDoc>,
    /// Its clock less ours; it says whole seconds.
    pub clock_offset_s: Option<i64>,
}

/// How a preemption is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExitDoc {
    pub row: u8,
    pub exit: &'static str,
}

/// The coordinator of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CoordinationDoc {
    /// 1 to 253, 254 free, 255 flash; 0 none.
    pub pattern: u8,
    /// Whether it runs free, and why.
    pub free: &'static str,
    pub cycle_left_s: u16,
    pub cycle_position_s: u16,
}

/// An alarm of a controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlarmDoc {
    pub component: String,
    pub code: String,
    /// What it means, in a few words.
    pub text: &'static str,
    /// `technical` or `traffic`.
    pub category: &'static str,
    /// 1: at once, 2: in the next shift, 3: at the next maintenance.
    pub priority: u8,
    pub active: bool,
    pub acknowledged: bool,
    pub suspended: bool,
    /// Since when it is active or over, by the site's clock.
    pub since: String,
    /// When we let its messages come again; only of those that were suspended here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended_until: Option<String>,
    /// What the site says besides, name and value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<(String, String)>,
}

/// What a controller serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PreemptDoc {
    pub row: u8,
    pub kind: &'static str,
    pub ours: bool,
    pub state: &'static str,
}

/// A vehicle.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct VehicleState {
    pub id: String,
    pub class: &'static str,
    pub label: String,
    pub lon: f64,
    pub lat: f64,
    pub heading_deg: Option<f32>,
    pub speed_mps: Option<f32>,
    pub age_ms: i64,
    pub lateness_s: Option<i32>,
    pub priority: Option<&'static str>,
}

/// A wave.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WaveDoc {
    pub mission: String,
    pub vehicle: String,
    pub label: String,
    pub duty: String,
    /// `active`, `stopped`, `waiting` (no position yet) or `no destination` (nobody named one yet).
    pub state: &'static str,
    pub eta_s: Option<f64>,
    pub route: Vec<[f64; 2]>,
    pub explain: String,
    pub signals: Vec<WaveSignalDoc>,
}

/// A signal of a wave.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WaveSignalDoc {
    pub controller: u16,
    pub title: String,
    pub state: &'static str,
    pub call_in_s: Option<f64>,
    pub arrive_in_s: Option<f64>,
    pub green_in_s: Option<f64>,
    pub release_in_s: Option<f64>,
    /// That the vehicle need not stop here.
    pub probability: Option<f64>,
    pub explain: String,
}

/// A feed's counts.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FeedDoc {
    pub name: String,
    pub age_ms: Option<i64>,
    pub accepted: u64,
    pub rejected: u64,
    pub reasons: std::collections::BTreeMap<&'static str, u64>,
}

/// A sentence of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventDoc {
    pub seq: u64,
    pub at: String,
    pub severity: &'static str,
    pub text: String,
}

/// What only the demo shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct DemoDoc {
    pub at_s: f64,
    pub speed: f64,
    pub headline: String,
    /// Longitude, latitude, heading.
    pub cars: Vec<[f64; 3]>,
}
