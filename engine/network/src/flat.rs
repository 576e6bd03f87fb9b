//! The compiled network: what tracking, routing, planning and the simulator read.

use std::ops::Range;

use clearway_signals::{ControllerId, GeoPoint, GroupId};

use crate::controller::Controller;
use crate::plane::{Plane, Point};

macro_rules! index {
    ($(#[$doc:meta])* $name:ident($raw:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $raw);
        impl $name {
            /// The identifier as an index.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

index!(
    /// A node: index into [`Network::nodes`].
    NodeId(u32)
);
index!(
    /// A directed link: index into [`Network::links`].
    LinkId(u32)
);
index!(
    /// A movement from link to link: index into [`Network::movements`].
    MovementId(u32)
);
index!(
    /// A transit line in one direction: index into [`Network::lines`].
    LineId(u16)
);
index!(
    /// A stop: index into [`Network::stops`].
    StopId(u32)
);

/// Who may use a link or a movement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Uses(pub u8);

impl Uses {
    /// Nobody.
    pub const NONE: Self = Self(0);
    /// General motor traffic.
    pub const CAR: Self = Self(1);
    /// Buses.
    pub const BUS: Self = Self(2);
    /// Trams: there is a track.
    pub const TRAM: Self = Self(4);
    /// Bicycles.
    pub const BICYCLE: Self = Self(8);
    /// Pedestrians.
    pub const FOOT: Self = Self(16);
    /// Emergency vehicles (wherever cars go, and where the model says so beyond that).
    pub const EMERGENCY: Self = Self(32);

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of `wanted` may use it.
    #[must_use]
    pub const fn allow(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }
}

/// A place where links meet.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The model's id.
    pub name: String,
    /// Where it is.
    pub point: Point,
}

/// A directed stretch of road or track.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The model's id.
    pub name: String,
    /// The street's name, for people; may be empty.
    pub street: String,
    /// Where it begins.
    pub from: NodeId,
    /// Where it ends: the stop line, if its movements are signalled.
    pub to: NodeId,
    /// Length in millimetres, above zero.
    pub length_mm: u32,
    /// Free speed in millimetres a second, above zero.
    pub speed_mm_s: u32,
    /// Lanes, 1 or more; a tram track is one.
    pub lanes: u8,
    /// Who may use it.
    pub uses: Uses,
    /// Its points in [`Network::shapes`], first at `from`, last at `to`, two or more.
    pub shape: Range<u32>,
}

/// The direction that a movement takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Turn {
    /// Straight on.
    #[default]
    Through,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Back.
    UTurn,
}

/// The signal group that a movement obeys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct SignalRef {
    /// The controller.
    pub controller: ControllerId,
    /// Its group.
    pub group: GroupId,
}

/// A lawful way from one link into the next.
#[derive(Clone, Debug, PartialEq)]
pub struct Movement {
    /// The model's id.
    pub name: String,
    /// The link it leaves, at its end.
    pub from: LinkId,
    /// The link it enters, at its start.
    pub to: LinkId,
    /// Its direction.
    pub turn: Turn,
    /// Who may use it.
    pub uses: Uses,
    /// The signal at the end of `from`, if there is one.
    pub signal: Option<SignalRef>,
}

/// A transit line in one direction: a chain of links, each joined to the next by a movement.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The model's id.
    pub name: String,
    /// What passengers call it ("4", "10B").
    pub designation: String,
    /// GTFS direction, 0 or 1 (HFP's direction less one).
    pub direction: u8,
    /// `TRAM` or `BUS`.
    pub mode: Uses,
    /// The links, in order.
    pub links: Vec<LinkId>,
    /// Where it calls, in order of travel.
    pub calls: Vec<StopCall>,
    /// Seconds between two departures.
    pub headway_s: u32,
}

/// A call of a line at a stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StopCall {
    /// The stop.
    pub stop: StopId,
    /// Index into the line's links.
    pub link_index: u32,
    /// Where on that link, millimetres from its start.
    pub offset_mm: u32,
}

/// A stop.
#[derive(Clone, Debug, PartialEq)]
pub struct Stop {
    /// The model's id.
    pub id: String,
    /// What passengers call it.
    pub name: String,
    /// Where it is.
    pub point: Point,
}

/// How a tram turns at a turnback.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum TurnbackKind {
    /// It drives round a loop of track.
    Loop,
    /// It changes ends and drives back over a crossover.
    Crossover,
}

/// A place where a tram may end its trip and begin the trip back.
#[derive(Clone, Debug, PartialEq)]
pub struct Turnback {
    /// The model's id.
    pub name: String,
    /// The link at whose end the trip ends.
    pub from: LinkId,
    /// The link at whose start the trip back begins.
    pub to: LinkId,
    /// How it turns.
    pub kind: TurnbackKind,
}

/// The compiled network. Immutable; shared by everything that reads it.
#[derive(Clone, Debug)]
pub struct Network {
    /// The model's name.
    pub name: String,
    /// The projection of all points.
    pub plane: Plane,
    /// Nodes by id.
    pub nodes: Vec<Node>,
    /// Links by id.
    pub links: Vec<Link>,
    /// Points of all links' shapes.
    pub shapes: Vec<Point>,
    /// Movements, sorted by the link they leave.
    pub movements: Vec<Movement>,
    /// `movements_of[link]..movements_of[link + 1]` are the movements that leave the link.
    pub movements_of: Vec<u32>,
    /// Controllers by id.
    pub controllers: Vec<Controller>,
    /// Transit lines, each direction by itself.
    pub lines: Vec<Line>,
    /// Stops.
    pub stops: Vec<Stop>,
    /// Where trams can turn.
    pub turnbacks: Vec<Turnback>,
}

impl Network {
    /// The link.
    #[must_use]
    pub fn link(&self, link: LinkId) -> &Link {
        &self.links[link.index()]
    }

    /// The movement.
    #[must_use]
    pub fn movement(&self, movement: MovementId) -> &Movement {
        &self.movements[movement.index()]
    }

    /// The controller, if there is one of that id.
    #[must_use]
    pub fn controller(&self, controller: ControllerId) -> Option<&Controller> {
        self.controllers.get(controller.index())
    }

    /// The movements that leave a link.
    pub fn leaving(&self, link: LinkId) -> impl Iterator<Item = (MovementId, &Movement)> {
        let (first, last) = (self.movements_of[link.index()], self.movements_of[link.index() + 1]);
        (first..last).map(|id| (MovementId(id), &self.movements[id as usize]))
    }

    /// The movement from one link into another, if it is lawful.
    #[must_use]
    pub fn movement_between(&self, from: LinkId, to: LinkId) -> Option<MovementId> {
        self.leaving(from).find(|(_, movement)| movement.to == to).map(|(id, _)| id)
    }

    /// The link's points, first to last.
    #[must_use]
    pub fn shape(&self, link: LinkId) -> &[Point] {
        let range = &self.link(link).shape;
        &self.shapes[range.start as usize..range.end as usize]
    }

    /// The point at `offset_mm` from the link's start, along its shape; clamped to the link.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn point_on(&self, link: LinkId, offset_mm: u32) -> Point {
        let shape = self.shape(link);
        let drawn: f32 = shape.windows(2).map(|w| w[0].distance(w[1])).sum();
        let share = offset_mm as f32 / self.link(link).length_mm as f32;
        let mut left = drawn * share.clamp(0.0, 1.0);
        for pair in shape.windows(2) {
            let step = pair[0].distance(pair[1]);
            if left <= step && step > 0.0 {
                let t = left / step;
                return Point {
                    x: pair[0].x + (pair[1].x - pair[0].x) * t,
                    y: pair[0].y + (pair[1].y - pair[0].y) * t,
                };
            }
            left -= step;
        }
        shape[shape.len() - 1]
    }

    /// Heading of the link at `offset_mm` from its start, degrees clockwise from north.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn heading_on(&self, link: LinkId, offset_mm: u32) -> f32 {
        let shape = self.shape(link);
        let drawn: f32 = shape.windows(2).map(|w| w[0].distance(w[1])).sum();
        let mut left = drawn * (offset_mm as f32 / self.link(link).length_mm as f32).clamp(0.0, 1.0);
        for pair in shape.windows(2) {
            let step = pair[0].distance(pair[1]);
            if left <= step && step > 0.0 {
                return pair[0].heading_to(pair[1]);
            }
            left -= step;
        }
        shape[shape.len() - 2].heading_to(shape[shape.len() - 1])
    }

    /// A place of the globe on the plane of this network.
    #[must_use]
    pub fn project(&self, place: GeoPoint) -> Point {
        self.plane.project(place)
    }
}
