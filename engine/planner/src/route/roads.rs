//! The line graph of a network, packed: a node of the search is a link, an arc is a movement, so that
//! turn restrictions hold by construction.

use clearway_network::{Controller, LinkId, Movement, Network, Turn, Uses};
use clearway_signals::{Capabilities, Channel, ControllerId, GroupId, Owner, RowKind};

/// Cost of a turn to the left or right beyond the time on the links, milliseconds.
pub const TURN_MS: u32 = 2_000;
/// Cost of turning back, milliseconds.
pub const U_TURN_MS: u32 = 15_000;
/// Cost of a signal on the way: even a green wave may fail, and each one troubles others.
pub const SIGNAL_MS: u32 = 3_000;

/// No controller stands at the arc.
const UNSIGNALLED: u16 = u16::MAX;

/// A signal that is passed on the way from one link into the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crossing {
    /// The controller.
    pub controller: ControllerId,
    /// The group that the movement obeys.
    pub group: GroupId,
    /// Whether an emergency row of ours serves the movement, if the controller is armed.
    pub has_row: bool,
}

/// A movement as the search reads it: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arc {
    /// The link that is entered.
    pub to: u32,
    /// Turning, the expected loss at a signal, and running along `to` at free speed, milliseconds.
    pub cost_ms: u32,
    controller: u16,
    group: u8,
    has_row: bool,
    movement_uses: Uses,
    link_uses: Uses,
}

impl Arc {
    fn new(network: &Network, movement: &Movement, has_row: bool) -> Self {
        let turning = match movement.turn {
            Turn::Through => 0,
            Turn::Left | Turn::Right => TURN_MS,
            Turn::UTurn => U_TURN_MS,
        };
        let losing = if movement.signal.is_some() { SIGNAL_MS } else { 0 };
        let cost_ms = running_ms(network, movement.to).saturating_add(turning + losing);
        let (controller, group) = movement.signal.map_or((UNSIGNALLED, 0), |s| (s.controller.0, s.group.0));
        Self {
            to: movement.to.0,
            cost_ms,
            controller,
            group,
            has_row,
            movement_uses: movement.uses,
            link_uses: network.link(movement.to).uses,
        }
    }

    /// Whether who may use any of `uses` may turn here and drive on.
    #[inline]
    pub fn allows(&self, uses: Uses) -> bool {
        self.movement_uses.allow(uses) && self.link_uses.allow(uses)
    }

    /// The signal at the arc.
    #[inline]
    pub fn crossing(&self) -> Option<Crossing> {
        (self.controller != UNSIGNALLED).then_some(Crossing {
            controller: ControllerId(self.controller),
            group: GroupId(self.group),
            has_row: self.has_row,
        })
    }
}

/// The packed line graph.
#[derive(Clone, Debug)]
pub(super) struct Roads {
    /// `arcs[first[link]..first[link + 1]]` leave the link.
    first: Vec<u32>,
    arcs: Vec<Arc>,
    /// Time along each link at free speed, milliseconds.
    pub running_ms: Vec<u32>,
}

impl Roads {
    pub fn new(network: &Network) -> Self {
        let has_row = with_rows(network);
        let arcs = network.movements.iter().zip(&has_row);
        Self {
            first: network.movements_of.clone(),
            arcs: arcs.map(|(movement, has_row)| Arc::new(network, movement, *has_row)).collect(),
            running_ms: (0..links(network)).map(|link| running_ms(network, LinkId(link))).collect(),
        }
    }

    /// Links of the network.
    pub fn len(&self) -> usize {
        self.running_ms.len()
    }

    /// Movements of the network.
    pub fn arcs(&self) -> usize {
        self.arcs.len()
    }

    /// The arcs that leave a link.
    #[inline]
    pub fn leaving(&self, link: u32) -> &[Arc] {
        let (first, end) = (self.first[link as usize], self.first[link as usize + 1]);
        &self.arcs[first as usize..end as usize]
    }

    /// The quickest arc from one link into another for some class of vehicle.
    pub fn between(&self, from: LinkId, to: LinkId, uses: Uses) -> Option<&Arc> {
        if from.index() >= self.len() {
            return None;
        }
        let fits = |arc: &&Arc| arc.to == to.0 && arc.allows(uses);
        self.leaving(from.0).iter().filter(fits).min_by_key(|arc| arc.cost_ms)
    }

    /// Time along a link from its start to `offset_mm`, as a share of the whole.
    pub fn running_to_ms(&self, network: &Network, link: LinkId, offset_mm: i64) -> u32 {
        let length = i64::from(network.link(link).length_mm);
        let share = i64::from(self.running_ms[link.index()]) * offset_mm.clamp(0, length) / length.max(1);
        u32::try_from(share).unwrap_or(u32::MAX)
    }
}

fn links(network: &Network) -> u32 {
    u32::try_from(network.links.len()).unwrap_or(u32::MAX)
}

fn running_ms(network: &Network, link: LinkId) -> u32 {
    let link = network.link(link);
    let ms = u64::from(link.length_mm) * 1000 / u64::from(link.speed_mm_s);
    u32::try_from(ms).unwrap_or(u32::MAX)
}

/// For each movement, whether an emergency row of ours serves it.
fn with_rows(network: &Network) -> Vec<bool> {
    let mut served = vec![false; network.movements.len()];
    for controller in &network.controllers {
        for path in controller.paths.iter().filter(|path| is_ours(controller, path.row.index())) {
            for movement in &path.movements {
                if let Some(served) = served.get_mut(movement.index()) {
                    *served = true;
                }
            }
        }
    }
    served
}

fn is_ours(controller: &Controller, row: usize) -> bool {
    controller.capabilities.allows(Capabilities::PREEMPT)
        && controller.rows.get(row).is_some_and(|row| {
            row.kind == RowKind::Emergency && row.owner == Owner::Ours && row.channel == Channel::Preempt
        })
}
