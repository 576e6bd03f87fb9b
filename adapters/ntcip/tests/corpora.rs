//! Every file of the fuzz corpora through its decoder, and mutants of it: no panic (invariant X8).
#![forbid(unsafe_code)]

use std::path::Path;

use clearway_contract::kit::corpus::replay;
use clearway_ntcip::fuzzing::DECODERS;

#[test]
fn x8_no_seed_and_no_mutant_makes_a_decoder_panic() {
    replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus"), &DECODERS);
}
