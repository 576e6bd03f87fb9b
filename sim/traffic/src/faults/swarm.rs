//! Which faults a seed draws, and when. Each seed switches about half of the kinds on, so that rare
//! combinations are not drowned by frequent faults (swarm testing).

use clearway_signals::Millis;

use crate::rng::Rng;

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub(crate) enum Kind {
    Weather,
    RegionCut,
    Reset,
    Kill,
    PowerCut,
    Takeover,
    Freeze,
    HungPlanner,
    Starvation,
    DiskError,
    DiskStall,
    ClockStep,
    ClockDrift,
    Lie,
    Reboot,
    UnsafeReboot,
    Mode,
    LocalCall,
    Fed,
    Detector,
    Feed,
    Stand,
    OtherWay,
    Cancel,
    ReleaseAll,
}

impl Kind {
    /// All of them, each with its weight.
    const ALL: [(Self, u64); 25] = [
        (Self::Weather, 14),
        (Self::RegionCut, 2),
        (Self::Reset, 3),
        (Self::Kill, 3),
        (Self::PowerCut, 1),
        (Self::Takeover, 2),
        (Self::Freeze, 3),
        (Self::HungPlanner, 2),
        (Self::Starvation, 2),
        (Self::DiskError, 1),
        (Self::DiskStall, 1),
        (Self::ClockStep, 2),
        (Self::ClockDrift, 1),
        (Self::Lie, 10),
        (Self::Reboot, 4),
        (Self::UnsafeReboot, 3),
        (Self::Mode, 4),
        (Self::LocalCall, 4),
        (Self::Fed, 2),
        (Self::Detector, 2),
        (Self::Feed, 10),
        (Self::Stand, 4),
        (Self::OtherWay, 2),
        (Self::Cancel, 2),
        (Self::ReleaseAll, 1),
    ];
}

/// The faults of a seed.
#[derive(Clone, Debug)]
pub(crate) struct Swarm {
    kinds: Vec<(Kind, u64)>,
    /// Faults a second.
    per_s: f64,
    next: Millis,
    rng: Rng,
}

impl Swarm {
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, 0xA_0000);
        let kinds: Vec<(Kind, u64)> =
            Kind::ALL.into_iter().filter(|_| rng.next_u64().is_multiple_of(2)).collect();
        let per_s = [0.05, 0.2, 0.6][(rng.next_u64() % 3) as usize];
        Self { kinds, per_s, next: Millis::from_s(20), rng }
    }

    /// The faults that begin by `now`.
    pub fn due(&mut self, now: Millis) -> Option<Kind> {
        if now < self.next || self.kinds.is_empty() {
            return None;
        }
        self.next += Millis(self.rng.exponential_ms(self.per_s));
        let all: u64 = self.kinds.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.rng.next_u64() % all;
        self.kinds.iter().find_map(|(kind, weight)| {
            let hit = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            hit.then_some(*kind)
        })
    }

    /// Numbers for what the fault does.
    pub fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }
}
