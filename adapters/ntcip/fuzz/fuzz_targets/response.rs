#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| clearway_ntcip::fuzzing::response(bytes));
