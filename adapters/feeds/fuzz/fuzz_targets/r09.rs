#![no_main]

#[allow(dead_code, reason = "each target calls its decoder")]
#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| harness::decode_r09(bytes));
