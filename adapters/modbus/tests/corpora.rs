//! Every file of the fuzz corpora through its decoder, and mutants of it: no panic (invariant X8).
#![forbid(unsafe_code)]

#[path = "../fuzz/harness.rs"]
mod harness;

use std::path::Path;

/// Mutants of each seed; `CLEARWAY_MUTANTS` asks for more.
const MUTANTS: u64 = 200;

#[test]
fn x8_no_seed_and_no_mutant_makes_a_decoder_panic() {
    let asked = std::env::var("CLEARWAY_MUTANTS").ok().and_then(|count| count.parse().ok());
    let mutants = asked.unwrap_or(MUTANTS);
    for (name, decode) in harness::DECODERS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut seeds = 0;
        for file in std::fs::read_dir(&folder).expect("a corpus for each decoder") {
            let seed = std::fs::read(file.expect("readable").path()).expect("a file");
            decode(&seed);
            let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seeds);
            for _ in 0..mutants {
                decode(&mutant(&seed, &mut random));
            }
            seeds += 1;
        }
        assert!(seeds >= 3, "{name} has {seeds} seeds");
    }
}

/// The seed with up to four small changes: a byte set, dropped or doubled, a piece copied elsewhere.
fn mutant(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        match random.below(5) {
            0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.byte()),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.insert(at, random.byte()),
            3 => bytes.truncate(at),
            _ => {
                let end = at + random.below(bytes.len() - at.min(bytes.len()) + 1);
                let piece: Vec<u8> = bytes.get(at..end).unwrap_or_default().to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
