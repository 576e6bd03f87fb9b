//! A signal controller of the network: its junction, its plan, its request rows by path.

use clearway_signals::{
    Capabilities, ControllerId, GroupId, GroupSet, Junction, Millis, Relation, RequestRow, RowId, SignalGroup,
};

use crate::flat::{LinkId, MovementId};
use crate::plane::Point;

/// The green of one group in the cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GreenWindow {
    /// The group.
    pub group: GroupId,
    /// Start of green (walk), from the start of the cycle, `0 ≤ start < cycle`.
    pub start: Millis,
    /// Length of green (walk); the window may reach over the end of the cycle.
    pub length: Millis,
}

/// A fixed-time plan. The second of the cycle at time t is `(t − offset) mod cycle`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SignalPlan {
    /// Cycle length, above zero.
    pub cycle: Millis,
    /// Offset of the cycle's start to the clock's zero, `0 ≤ offset < cycle`.
    pub offset: Millis,
    /// The greens, sorted by group, then start. A group without a window is always red.
    pub windows: Vec<GreenWindow>,
}

/// A phase of a controller with rings, which works by its detectors (NEMA TS 2; NTCIP 1202 v03, 5.2).
/// The plan's window of its group is its split: where the window ends, the phase is forced off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RingPhase {
    /// Its vehicle group.
    pub group: GroupId,
    /// The pedestrians' groups that walk with it.
    pub crossings: GroupSet,
    /// The overlaps that are green with it, and with other phases.
    pub overlaps: GroupSet,
    /// Its ring, from 1.
    pub ring: u8,
    /// The barrier that closes its part of the cycle, from 1.
    pub barrier: u8,
    /// Its place among the phases of its ring.
    pub position: u8,
    /// The longest green from the first call against it; zero: none.
    pub max_green: Millis,
    /// A gap as long as this between two vehicles ends the green.
    pub passage: Millis,
    /// Numbers of the detectors that call and extend it. Without any it is called in every cycle and
    /// lasts as long as it may.
    pub detectors: Vec<u8>,
    /// Only the plan ends it, and only for a call: it rests in green. Without any coordinated phase a
    /// controller runs free of its plan.
    pub coordinated: bool,
}

/// A path through the controller and the row that serves it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathRow {
    /// The row.
    pub row: RowId,
    /// The movements of the path, in order; the first one enters the controller.
    pub movements: Vec<MovementId>,
}

/// A detector.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Detector {
    /// The model's id.
    pub name: String,
    /// The link it lies in.
    pub link: LinkId,
    /// Distance of its front edge to the end of the link (the stop line), in millimetres.
    pub to_stop_line_mm: u32,
    /// Its number at the controller, from 1.
    pub number: u8,
}

/// A signal controller.
#[derive(Clone, PartialEq, Debug)]
pub struct Controller {
    /// Its index in the network.
    pub id: ControllerId,
    /// The model's id.
    pub name: String,
    /// What people call it ("Mannerheimintie / Kaivokatu").
    pub title: String,
    /// Where to draw it.
    pub point: Point,
    /// Names of the groups as the model has them, by `GroupId`.
    pub group_names: Vec<String>,
    /// The groups, by `GroupId`.
    pub groups: Vec<SignalGroup>,
    /// The index of each group at the controller (NTCIP phase number, bit of the register map), from 1.
    pub group_numbers: Vec<u8>,
    /// Relations, row by row, ending group to starting group.
    pub relations: Vec<Relation>,
    /// Request rows, by `RowId`.
    pub rows: Vec<RequestRow>,
    /// What the binding can carry.
    pub capabilities: Capabilities,
    /// The fixed-time plan.
    pub plan: SignalPlan,
    /// Its phases, sorted by ring, barrier and position; empty: the plan alone rules.
    pub rings: Vec<RingPhase>,
    /// Paths through the controller and their rows.
    pub paths: Vec<PathRow>,
    /// Detectors.
    pub detectors: Vec<Detector>,
}

impl Controller {
    /// The junction as the checker sees it.
    #[must_use]
    pub fn junction(&self) -> Junction<'_> {
        Junction {
            id: self.id,
            groups: &self.groups,
            relations: &self.relations,
            rows: &self.rows,
            capabilities: self.capabilities,
        }
    }
}
