//! The operator's page: whether its build is older than its sources, and building it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use crate::Failure;
use crate::process::finish;

/// Folders of `console/` that are made, not written.
const MADE: [&str; 4] = ["node_modules", "dist", "test-results", "tests"];

/// `npm` in the console's folder; it never downloads a browser.
#[must_use]
pub fn npm(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(root.join("console")).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1");
    command
}

/// The arguments that install exactly what the lock file names.
pub const CI: [&str; 3] = ["ci", "--no-audit", "--no-fund"];

/// Build the page unless the build is newer than every source.
///
/// # Errors
/// npm failed.
pub fn build_if_needed(root: &Path) -> Result<(), Failure> {
    if !is_stale(&root.join("console")) {
        return Ok(());
    }
    eprintln!("Building the operator's page (npm packages by console/package-lock.json).");
    if packages_are_stale(&root.join("console")) {
        finish(&mut npm(root, &CI))?;
    }
    finish(&mut npm(root, &["run", "build"]))?;
    mark_built(root)
}

/// Make cargo see a new page: what embeds it is compiled again only when a file changed that was
/// there at the last compilation, and the page may not have been.
///
/// # Errors
/// The file that embeds the page cannot be touched.
pub fn mark_built(root: &Path) -> Result<(), Failure> {
    let path = root.join("service/src/api/page.rs");
    let touched = std::fs::File::options().append(true).open(&path);
    let touched = touched.and_then(|file| file.set_modified(SystemTime::now()));
    touched.map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether `node_modules` is missing or older than the lock file.
fn packages_are_stale(console: &Path) -> bool {
    let installed = modified(&console.join("node_modules/.package-lock.json"));
    installed.is_none() || installed < modified(&console.join("package-lock.json"))
}

fn is_stale(console: &Path) -> bool {
    let Some(built) = modified(&console.join("dist/index.html")) else { return true };
    newest(console).is_some_and(|newest| newest > built)
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// The newest source below the folder.
fn newest(folder: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    let sources = entries.flatten().map(|entry| entry.path()).filter(|path| !is_made(path));
    sources.filter_map(|path| if path.is_dir() { newest(&path) } else { modified(&path) }).max()
}

fn is_made(path: &Path) -> bool {
    let name: Option<PathBuf> = path.file_name().map(PathBuf::from);
    name.is_some_and(|name| MADE.iter().any(|made| name == Path::new(made)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::time::Duration;

    #[test]
    fn a_build_is_stale_when_a_source_is_newer_and_only_then() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, seconds: u64| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let file = fs::File::create(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
        };
        at("src/App.svelte", 10);
        assert!(is_stale(folder.path()), "never built");
        at("dist/index.html", 20);
        at("tests/browser/live.spec.ts", 30);
        at("node_modules/x/index.js", 30);
        assert!(!is_stale(folder.path()), "only tests and packages are newer");
        at("src/map.ts", 30);
        assert!(is_stale(folder.path()), "a source is newer");
    }
}
