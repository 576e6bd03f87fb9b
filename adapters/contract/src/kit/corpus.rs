//! The fuzz corpora on the stable toolchain: every seed through its decoder, and mutants of it. What
//! libFuzzer finds between two runs of it, these catch before it is committed.

use std::fs;
use std::path::Path;

/// What is done with bytes from outside; it panics when an invariant does not hold.
pub type Decoder = fn(&[u8]);

/// Seeds that a corpus has at least.
const SEEDS_MIN: u64 = 3;
/// Mutants of each seed; `CLEARWAY_MUTANTS` asks for more.
const MUTANTS: u64 = 200;
/// Small changes of one mutant, at most.
const CHANGES_MAX: usize = 4;

/// Every file of `corpora/NAME` through the decoder of that name, and mutants of it.
///
/// # Panics
/// When a decoder does, or has no corpus.
pub fn replay(corpora: &Path, decoders: &[(&str, Decoder)]) {
    let asked = std::env::var("CLEARWAY_MUTANTS").ok().and_then(|count| count.parse().ok());
    let mutants = asked.unwrap_or(MUTANTS);
    for (name, decode) in decoders {
        let mut seeds = 0;
        for seed in seeds_of(&corpora.join(name)) {
            decode(&seed);
            let mut random = Random(0x9e37_79b9_7f4a_7c15 ^ seeds);
            for _ in 0..mutants {
                decode(&mutant(&seed, &mut random));
            }
            seeds += 1;
        }
        assert!(seeds >= SEEDS_MIN, "{name} has {seeds} seeds");
    }
}

/// In the order of their names, so that a failure comes again.
fn seeds_of(folder: &Path) -> impl Iterator<Item = Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).expect("a seed"))
}

/// The seed with a few small changes: a byte set, dropped or inserted, the end cut off, a piece copied
/// elsewhere.
fn mutant(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(CHANGES_MAX) {
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

/// Draws, the same for the same seed (splitmix64).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_the_same_mutants_again_and_they_differ_from_it() {
        let mutants = || {
            let mut random = Random(7);
            (0..50).map(|_| mutant(b"a seed", &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(mutants(), mutants());
        assert!(mutants().iter().filter(|bytes| bytes[..] != *b"a seed").count() > 25);
    }

    #[test]
    #[should_panic(expected = "answer has 0 seeds")]
    fn an_empty_corpus_is_no_corpus() {
        let folder = std::env::temp_dir().join(format!("clearway-corpus-{}", std::process::id()));
        fs::create_dir_all(folder.join("answer")).expect("a folder");
        replay(&folder, &[("answer", |_| {})]);
    }
}
