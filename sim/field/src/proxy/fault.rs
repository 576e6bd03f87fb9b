//! What a proxy does to what passes it, as data; and the draws that decide.

use std::time::Duration;

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum Fault {
    /// Everything passes as it is.
    #[default]
    None,
    /// Everything comes later, up to a quarter of a second.
    Delay,
    /// A third of the datagrams is lost; pieces of a stream come late, as after a retransmission.
    Loss,
    /// A third comes twice.
    Duplicate,
    /// A third comes after what followed it.
    Reorder,
    /// A third is cut off.
    Truncate,
    /// A third has one bit changed.
    Corrupt,
    /// Connections stand, and nothing passes.
    BlackHole,
    /// Connections are reset when something passes; datagrams are lost.
    Reset,
    /// Answers come after anyone's patience.
    Late,
    /// The far end is gone, the near end is never told.
    HalfOpen,
    /// Writes are answered as done and never reach the controller.
    Liar,
    /// Answers are well formed, and what they say is nonsense.
    Nonsense,
}

impl Fault {
    /// Every fault, without [`Fault::None`].
    pub const ALL: [Self; 12] = [
        Self::Delay,
        Self::Loss,
        Self::Duplicate,
        Self::Reorder,
        Self::Truncate,
        Self::Corrupt,
        Self::BlackHole,
        Self::Reset,
        Self::Late,
        Self::HalfOpen,
        Self::Liar,
        Self::Nonsense,
    ];

    /// Its name on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delay => "delay",
            Self::Loss => "loss",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Truncate => "truncate",
            Self::Corrupt => "corrupt",
            Self::BlackHole => "black-hole",
            Self::Reset => "reset",
            Self::Late => "late",
            Self::HalfOpen => "half-open",
            Self::Liar => "liar",
            Self::Nonsense => "nonsense",
        }
    }

    /// The fault of a name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [Self::None].into_iter().chain(Self::ALL).find(|fault| fault.word() == word)
    }
}

/// What whoever lies must understand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speech {
    /// SNMP, versions 1 and 2c: what it cannot read it lets pass.
    Snmp,
    /// Modbus TCP.
    Modbus,
    /// RSMP.
    Rsmp,
}

/// What becomes of one piece.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    /// It goes on, this much later.
    Pass(Duration, Vec<u8>),
    /// It goes on twice.
    Twice(Vec<u8>),
    /// It goes on after the next one.
    Behind(Vec<u8>),
    /// It does not go on.
    Drop,
    /// The connection is reset.
    Reset,
}

/// Later than every adapter waits.
const LATE: Duration = Duration::from_millis(1_500);
/// The longest delay, and the longest retransmission.
const DELAY_MAX_MS: u64 = 250;

/// Draws, the same for the same seed (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    /// What becomes of a piece under a fault. `answers`: it goes back to whoever asked.
    pub fn fate(&mut self, fault: Fault, answers: bool, is_stream: bool, mut piece: Vec<u8>) -> Fate {
        let hit = self.below(3) == 0;
        let len = u64::try_from(piece.len()).unwrap_or(0);
        let now = Duration::ZERO;
        match fault {
            Fault::Delay => Fate::Pass(Duration::from_millis(self.below(DELAY_MAX_MS)), piece),
            Fault::Loss if hit && is_stream => {
                Fate::Pass(Duration::from_millis(200 + self.below(DELAY_MAX_MS)), piece)
            }
            Fault::Loss if hit => Fate::Drop,
            Fault::Duplicate if hit => Fate::Twice(piece),
            Fault::Reorder if hit => Fate::Behind(piece),
            Fault::Truncate if hit => {
                piece.truncate(usize::try_from(self.below(len)).unwrap_or(0));
                Fate::Pass(now, piece)
            }
            Fault::Corrupt if hit && len > 0 => {
                let at = usize::try_from(self.below(len)).unwrap_or(0);
                piece[at] ^= 1 << self.below(8);
                Fate::Pass(now, piece)
            }
            Fault::BlackHole | Fault::HalfOpen => Fate::Drop,
            Fault::Reset if is_stream => Fate::Reset,
            Fault::Reset => Fate::Drop,
            Fault::Late if answers => Fate::Pass(LATE, piece),
            _ => Fate::Pass(now, piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_fates_again_and_names_lead_back() {
        for fault in Fault::ALL {
            assert_eq!(Fault::named(fault.word()), Some(fault));
            let fates = |seed| {
                let mut dice = Dice::new(seed);
                (0..50).map(|n| dice.fate(fault, true, true, vec![n; 9])).collect::<Vec<_>>()
            };
            assert_eq!(fates(3), fates(3));
        }
        assert_eq!(Fault::named("liar "), None);
    }

    #[test]
    fn nothing_passes_a_black_hole_and_everything_a_sound_wire() {
        let mut dice = Dice::new(1);
        for _ in 0..100 {
            assert_eq!(dice.fate(Fault::BlackHole, false, true, vec![1]), Fate::Drop);
            assert_eq!(dice.fate(Fault::None, false, false, vec![1]), Fate::Pass(Duration::ZERO, vec![1]));
        }
    }
}
