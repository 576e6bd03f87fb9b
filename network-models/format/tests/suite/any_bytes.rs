//! Whatever bytes stand in the files, checking ends with a report.

use std::fs;

use clearway_format::schema::TABLES;
use clearway_format::{check, compile, load, read};
use proptest::prelude::*;

use crate::folder::copy;

/// Put bytes into a file at a place, over some of what stands there.
fn mutate(bytes: &mut Vec<u8>, at: usize, over: usize, with: &[u8]) {
    let at = at % (bytes.len() + 1);
    let end = (at + over).min(bytes.len());
    bytes.splice(at..end, with.iter().copied());
}

fn files() -> Vec<String> {
    TABLES.iter().map(clearway_format::table::Table::file).chain(["model.toml".to_owned()]).collect()
}

fn snippet() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "",
        ",",
        "\"",
        "\n",
        "\r\n",
        "\0",
        "-1",
        "0",
        "1e308",
        "-1e308",
        "NaN",
        "inf",
        "18446744073709551616",
        "255",
        "256",
        "x1",
        "e0",
        "c1",
        "c2",
        "1 2 3",
        "|",
        "m1|m2",
        " ",
        "conflict",
        "tram",
        "LINESTRING (0 0, 1 1)",
        "é",
        "\u{feff}",
    ];
    prop_oneof![
        4 => prop::sample::select(words.to_vec()).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<usize>(), 0_usize..20, snippet()), 1..6)
    ) {
        let files = files();
        let dir = copy();
        for (file, at, over, with) in edits {
            let path = dir.path().join(file.get(&files));
            let mut bytes = fs::read(&path).unwrap();
            mutate(&mut bytes, at, over, &with);
            fs::write(&path, bytes).unwrap();
        }
        let report = check(dir.path());
        prop_assert_eq!(load(dir.path()).is_ok(), report.is_ok());
        prop_assert!(!report.faults.iter().any(|fault| fault.code.word() == "does-not-compile"), "{:?}", report.faults);
        let _ = report.render();
        // The compiler itself must hold against tables that were never checked.
        if let Ok(model) = read(dir.path()) {
            let _ = compile(&model);
        }
    }
}
