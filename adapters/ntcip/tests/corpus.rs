//! Every file of the fuzzing corpora, replayed on the stable toolchain.

use std::path::Path;

use clearway_ntcip::fuzzing;

fn replay(target: &str, entry: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut count = 0;
    for file in files {
        let path = file.unwrap().path();
        entry(&std::fs::read(&path).unwrap());
        count += 1;
    }
    assert!(count > 0, "{}: no corpus", folder.display());
}

#[test]
fn x8_priority_blocks() {
    replay("priority_blocks", fuzzing::priority_blocks);
}

#[test]
fn x8_object_values() {
    replay("object_values", fuzzing::object_values);
}

#[test]
fn x8_responses() {
    replay("response", fuzzing::response);
}

#[test]
fn x8_outgoing_messages() {
    replay("egress", fuzzing::egress);
}
