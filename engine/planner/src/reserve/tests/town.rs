//! A town for tests: controllers in a grid, vehicles that drive along its streets.

use clearway_certify::Class;
use clearway_network::Network;
use clearway_network::testing::corridor;
use clearway_signals::{ControllerId, Millis, RowId, VehicleId};

use crate::reserve::{Claim, Rank, Reservations, Visit};

/// Streets from north to south.
pub const WIDE: usize = 20;
/// Streets from west to east.
pub const HIGH: usize = 10;

/// 200 controllers of the corridor's kind: row 1 along the street from west to east, row 2 across.
/// From the release of row 1 to row 2: 5 + 5 s; back: 5 + 9 s.
pub fn town() -> Network {
    corridor(u16::try_from(WIDE * HIGH).unwrap())
}

pub fn book(network: &Network) -> Reservations {
    Reservations::new(network, None)
}

pub fn rank(vehicle: u32, priority: u8) -> Rank {
    Rank { class: Class::Emergency, priority, since: Millis(i64::from(vehicle)), vehicle: VehicleId(vehicle) }
}

pub fn visit(controller: u16, row: u8, green_by_s: i64) -> Visit {
    Visit {
        controller: ControllerId(controller),
        row: RowId(row),
        green_by: Millis::from_s(green_by_s),
        hold: Millis::from_s(20),
        travel: Millis::from_s(15),
        claim: Claim::Wished,
    }
}

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }

    pub fn seconds(&mut self, bound: usize) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }
}

/// From one place to another with one or two turns, with uneven speeds and holds.
pub fn drive(dice: &mut Dice, spread_s: usize, wide: usize, high: usize) -> Vec<Visit> {
    let (mut x, mut y) = (dice.below(wide), dice.below(high));
    let mut at = Millis::from_s(100 + dice.seconds(spread_s));
    let mut visits = Vec::new();
    for leg in 0..2 + dice.below(2) {
        let along = leg % 2 == 0;
        let goal = if along { dice.below(wide) } else { dice.below(high) };
        while (if along { x } else { y }) != goal {
            let travel = Millis(9_000 + 100 * dice.seconds(60));
            let hold = Millis(10_000 + 100 * dice.seconds(200));
            let controller = ControllerId(u16::try_from(y * wide + x).unwrap());
            let row = RowId(if along { 1 } else { 2 });
            visits.push(Visit { controller, row, green_by: at, hold, travel, claim: Claim::Wished });
            at += travel;
            let place = if along { &mut x } else { &mut y };
            *place = if goal > *place { *place + 1 } else { *place - 1 };
        }
    }
    visits
}

/// `vehicles` on the way at about the same time in a quarter of `wide` × `high` controllers.
pub fn fill(book: &mut Reservations, dice: &mut Dice, vehicles: u32, (wide, high): (usize, usize)) {
    book.clear();
    for vehicle in 0..vehicles {
        let mut visits = drive(dice, 60, wide, high);
        if visits.is_empty() {
            visits.push(visit(0, 1, 100));
        }
        let priority = u8::try_from(dice.below(4)).unwrap();
        book.add(rank(vehicle, priority), &visits).unwrap();
    }
}
