//! What the book tells others: who holds what, and how long a movement waits for it.

use clearway_network::Controller;
use clearway_signals::{ControllerId, GroupId, GroupSet, Junction, Millis, Relation, RequestRow};

use super::book::{Bid, Reservations};
use super::{Claim, Rank, Reservation};

/// When a movement cannot be green because of a reservation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// A green of the movement must have ended by then.
    pub from: Millis,
    /// It can be green again then.
    pub until: Millis,
    /// The reservation.
    pub by: Reservation,
}

/// Who goes first somewhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ahead {
    /// The window.
    pub window: Reservation,
    /// The rank of the vehicle.
    pub rank: Rank,
    /// How far it has got there.
    pub claim: Claim,
}

impl Reservations {
    /// Every window of one vehicle, in the order of its route.
    pub fn of(&self, bid: usize) -> impl Iterator<Item = Reservation> {
        let range = self.instance.bids.get(bid).map_or(0..0, |bid| bid.first..bid.end);
        range.map(|visit| self.window(visit))
    }

    /// Whom a visit comes after: of the windows before it at its controller the one that ends last.
    #[must_use]
    pub fn ahead(&self, bid: usize, visit: usize) -> Option<Ahead> {
        let Bid { first, end, .. } = *self.instance.bids.get(bid)?;
        let own = Some(first + visit).filter(|own| *own < end)?;
        let rivals = self.instance.rivals(own).map(|rival| rival.other);
        self.last(rivals.filter(|other| self.starts[*other] < self.starts[own]))
    }

    /// The window of a controller that ends last, whoever's it is.
    #[must_use]
    pub fn last_at(&self, controller: ControllerId) -> Option<Ahead> {
        self.last(self.instance.at(controller))
    }

    fn last(&self, visits: impl Iterator<Item = usize>) -> Option<Ahead> {
        let end = |visit: &usize| self.starts[*visit] + self.instance.visits[*visit].hold();
        let visit = visits.max_by_key(end)?;
        let slot = &self.instance.visits[visit];
        Some(Ahead {
            window: self.window(visit),
            rank: self.instance.bids[slot.bid].rank,
            claim: slot.visit.claim,
        })
    }

    /// When the groups in `wanted` of a controller cannot be green because vehicles before `rank`
    /// have reserved conflicting rows; `rank: None` asks about all vehicles.
    ///
    /// Each window is widened by minimum green and intergreen on either side, as plans are.
    pub fn blocked<'a>(
        &'a self,
        controller: &'a Controller,
        wanted: GroupSet,
        rank: Option<&'a Rank>,
    ) -> impl Iterator<Item = Blocked> + 'a {
        let goes_first = move |visit: &usize| {
            let other = &self.instance.bids[self.instance.visits[*visit].bid].rank;
            rank.is_none_or(|own| other < own && other.vehicle != own.vehicle)
        };
        self.instance.at(controller.id).filter(goes_first).filter_map(move |visit| {
            let by = self.window(visit);
            let junction = controller.junction();
            let row = junction.row(by.row)?;
            let before = slowest(&junction, wanted, row.dwell)?;
            let after = slowest(&junction, row.dwell, wanted)?;
            Some(Blocked { from: by.from - before, until: by.until + after, by })
        })
    }

    /// How long a vehicle that needs `wanted` green for `hold`, from `arrival` on, waits for vehicles
    /// before it in rank: the time-dependent penalty of a movement in a search of ways.
    ///
    /// Arriving later never means leaving earlier (FIFO), so that label setting stays exact.
    #[must_use]
    pub fn wait(
        &self,
        controller: &Controller,
        wanted: GroupSet,
        arrival: Millis,
        hold: Millis,
        rank: Option<&Rank>,
    ) -> Millis {
        let mut start = arrival;
        // Each round moves behind one more window: no more rounds than windows.
        while let Some(behind) = self
            .blocked(controller, wanted, rank)
            .filter(|blocked| start < blocked.until && blocked.from < start + hold)
            .map(|blocked| blocked.until)
            .max()
        {
            start = behind;
        }
        start - arrival
    }

    /// Pairs of windows that conflict: none after a plan. An audit that shares no code with planning.
    #[must_use]
    pub fn conflicts(&self, controllers: &[Controller]) -> usize {
        let all = || (0..self.len()).flat_map(|bid| self.of(bid).map(move |window| (bid, window)));
        all()
            .flat_map(|(a, first)| all().map(move |(b, second)| (a, first, b, second)))
            .filter(|(a, first, b, second)| a < b && first.controller == second.controller)
            .filter(|(_, first, _, second)| {
                let Some(controller) = controllers.get(first.controller.index()) else { return false };
                let junction = controller.junction();
                let Some((x, y)) = junction.row(first.row).zip(junction.row(second.row)) else {
                    return false;
                };
                too_near(&junction, (x, first), (y, second))
            })
            .count()
    }
}

fn too_near(
    junction: &Junction<'_>,
    (x, first): (&RequestRow, &Reservation),
    (y, second): (&RequestRow, &Reservation),
) -> bool {
    let Some(there) = slowest(junction, x.dwell, y.dwell) else { return false };
    let Some(back) = slowest(junction, y.dwell, x.dwell) else { return false };
    second.from < first.until + there && first.from < second.until + back
}

/// Minimum green and intergreen of the slowest pair, ending group to starting group; `None` when no
/// pair conflicts.
fn slowest(junction: &Junction<'_>, ending: GroupSet, starting: GroupSet) -> Option<Millis> {
    let min_green = |group: GroupId| junction.groups.get(group.index()).map_or(Millis::ZERO, |g| g.min_green);
    let pairs = ending.iter().flat_map(|a| starting.iter().map(move |b| (a, b)));
    let gap = |(a, b)| match junction.relation(a, b) {
        Relation::Conflict(intergreen) => Some(min_green(a) + intergreen),
        _ if junction.conflicts(a, b) => Some(min_green(a)),
        _ => None,
    };
    pairs.filter_map(gap).max()
}
