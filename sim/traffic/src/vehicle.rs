//! A vehicle in the world.

use std::sync::Arc;

use clearway_network::{LinkId, MovementId};

/// What drives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Class {
    /// Background traffic.
    Car,
    /// A tram of one of the network's lines.
    Tram,
    /// An emergency vehicle.
    Emergency,
}

/// A vehicle's number in a run: given in order of appearance, never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Default)]
pub struct Serial(pub u32);

/// Where a vehicle that drives itself is, in its link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Motion {
    pub(crate) offset_mm: i64,
    pub(crate) speed_mm_s: i64,
    /// It moves past the vehicle ahead and does not hold up the one behind.
    pub(crate) passing: bool,
}

/// The trip of a vehicle that stands in no list.
pub(crate) const UNLISTED: u32 = u32::MAX;

/// A vehicle. Cars have no motion of their own: their place follows from the queue they stand in.
#[derive(Clone, Debug)]
pub(crate) struct Vehicle {
    pub(crate) serial: Serial,
    pub(crate) class: Class,
    pub(crate) length_mm: i64,
    /// The movements from link to link, first to last.
    pub(crate) route: Arc<[MovementId]>,
    /// Index in `route` of the movement that leaves the present link.
    pub(crate) step: usize,
    pub(crate) link: LinkId,
    pub(crate) lane: u32,
    /// Its number in the list of trips; [`UNLISTED`] without one.
    pub(crate) trip: u32,
    pub(crate) appeared_ms: i64,
    pub(crate) entered_ms: i64,
    /// When it is at the end of the link if nothing holds it up.
    pub(crate) reach_ms: i64,
    /// Delay against free travel on the links that lie behind it.
    pub(crate) delay_ms: i64,
    /// Since when it stands at the head of its lane with no room ahead.
    pub(crate) blocked_since_ms: Option<i64>,
    /// Shares a controller with the emergency route that is measured.
    pub(crate) cross: bool,
    /// Detectors of the present link that have counted it, bit by bit.
    pub(crate) counted: u32,
    pub(crate) motion: Option<Motion>,
}

impl Vehicle {
    /// The movement that leaves the present link; `None` on the last one.
    pub(crate) fn next(&self) -> Option<MovementId> {
        self.route.get(self.step).copied()
    }

    /// The movement after the next.
    pub(crate) fn after_next(&self) -> Option<MovementId> {
        self.route.get(self.step + 1).copied()
    }

    /// All delay against free travel until now.
    pub(crate) fn delay_at(&self, now_ms: i64) -> i64 {
        self.delay_ms + (now_ms - self.reach_ms).max(0)
    }
}

/// The vehicles, by slot; slots are used again.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    slots: Vec<Option<Vehicle>>,
    free: Vec<u32>,
    serials: u32,
}

impl Fleet {
    pub(crate) fn next_serial(&mut self) -> Serial {
        self.serials += 1;
        Serial(self.serials)
    }

    pub(crate) fn add(&mut self, vehicle: Vehicle) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(vehicle);
            return slot;
        }
        self.slots.push(Some(vehicle));
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn remove(&mut self, slot: u32) -> Option<Vehicle> {
        let vehicle = self.slots.get_mut(slot as usize)?.take();
        if vehicle.is_some() {
            self.free.push(slot);
        }
        vehicle
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Vehicle> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Vehicle> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The vehicles in slot order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Vehicle> {
        self.slots.iter().flatten()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Vehicle> {
        self.slots.iter_mut().flatten()
    }
}
