//! Where recorded data for tests lies: outside the repository, because its licences keep it there.

use std::path::PathBuf;

/// The folder of that name under `$CLEARWAY_SHARED/data` or `<workspace>/../shared/data`; says loudly
/// when it is absent.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let root = std::env::var_os("CLEARWAY_SHARED").map_or_else(beside, PathBuf::from);
    let folder = root.join("data").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: reference data {name} not found");
    None
}
