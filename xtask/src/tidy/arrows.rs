//! The arrows of dependency (ARCHITECTURE.md): nothing points back.

use toml::Table;

use super::{Broken, File, Repo};

/// A package, the packages of this workspace that it may see, and, where that is bounded, the
/// packages of others.
struct Arrow {
    package: &'static str,
    ours: &'static [&'static str],
    others: Option<&'static [&'static str]>,
}

/// A protocol family sees the vocabulary, the certified plan and the port: never the planner.
const PROTOCOL: &[&str] = &["signals", "certify", "contract", "egress"];

const ARROWS: &[Arrow] = &[
    Arrow { package: "clearway-signals", ours: &[], others: Some(&[]) },
    Arrow { package: "clearway-certify", ours: &["signals"], others: Some(&[]) },
    Arrow { package: "clearway-network", ours: &["signals"], others: Some(&["petgraph", "thiserror"]) },
    Arrow {
        package: "clearway-planner",
        ours: &["signals", "network", "certify"],
        others: Some(&["thiserror"]),
    },
    Arrow {
        package: "clearway-journal",
        ours: &["signals", "network", "certify", "planner", "runtime"],
        others: None,
    },
    Arrow {
        package: "clearway-runtime",
        ours: &["signals", "network", "certify", "planner", "contract"],
        others: None,
    },
    Arrow { package: "clearway-prove", ours: &["signals", "network"], others: Some(&["thiserror"]) },
    Arrow { package: "clearway-contract", ours: &["signals", "certify"], others: None },
    Arrow { package: "clearway-egress", ours: &["signals"], others: None },
    Arrow { package: "clearway-ntcip", ours: PROTOCOL, others: None },
    Arrow { package: "clearway-modbus", ours: PROTOCOL, others: None },
    Arrow { package: "clearway-rsmp", ours: PROTOCOL, others: None },
    Arrow { package: "clearway-feeds", ours: &["signals", "contract"], others: None },
    Arrow { package: "clearway-format", ours: &["signals", "network"], others: None },
    Arrow { package: "clearway-field", ours: &["signals", "network", "format", "rsmp"], others: None },
    Arrow { package: "clearway-sumo", ours: &["signals", "certify", "planner"], others: None },
    Arrow {
        package: "clearway-traffic",
        ours: &[
            "signals", "network", "format", "field", "planner", "certify", "contract", "ntcip", "modbus",
            "rsmp",
        ],
        others: None,
    },
    Arrow { package: "xtask", ours: &[], others: None },
];

/// Who may hold an async runtime: adapters, sockets of the field, the service. Others only as an
/// option that the sans-IO users of the crate leave out.
const TOKIO: [&str; 6] =
    ["clearway-ntcip", "clearway-modbus", "clearway-rsmp", "clearway-feeds", "clearway-field", "clearway"];

/// Dependencies point one way.
pub fn dependencies_point_one_way(repo: &Repo) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, manifest) in manifests(repo) {
        let package = name(&manifest);
        for (dependency, optional) in dependencies(&manifest) {
            if let Some(why) = refusal(package, &dependency, optional) {
                let line = file.text().lines().position(|line| line.starts_with(&dependency));
                let what = format!("{package} must not depend on {dependency}: {why}");
                broken.push(Broken::at(&file.path, line.map_or(0, |line| line + 1), what));
            }
        }
    }
    broken
}

/// Every crate says in a sentence why it exists.
pub fn crates_are_described(repo: &Repo) -> Vec<Broken> {
    let described = |manifest: &Table| {
        let package = manifest.get("package").and_then(|package| package.get("description"));
        package.and_then(|description| description.as_str()).is_some_and(|text| !text.is_empty())
    };
    let silent = manifests(repo).into_iter().filter(|(_, manifest)| !described(manifest));
    silent.map(|(file, _)| Broken::at(&file.path, 1, "add a description")).collect()
}

fn refusal(package: &str, dependency: &str, optional: bool) -> Option<&'static str> {
    // Fuzz targets are tests, though cargo-fuzz wants them as packages.
    let ours = package.starts_with("clearway") && !package.ends_with("-fuzz");
    if dependency == "tokio" && !optional && ours && !TOKIO.contains(&package) {
        return Some("the async runtime lives at the edges");
    }
    let arrow = ARROWS.iter().find(|arrow| arrow.package == package)?;
    match dependency.strip_prefix("clearway-") {
        Some(ours) => (!arrow.ours.contains(&ours)).then_some("the arrow points the wrong way"),
        None => arrow.others.filter(|others| !others.contains(&dependency)).map(|_| "the core stays small"),
    }
}

/// The manifests of the packages. One that is no TOML is cargo's to refuse.
fn manifests(repo: &Repo) -> Vec<(&File, Table)> {
    let files = repo.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    files.filter_map(|file| Some((file, file.text().parse::<Table>().ok()?))).collect()
}

fn name(manifest: &Table) -> &str {
    manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(|n| n.as_str())
        .unwrap_or_default()
}

/// What production code depends on, and whether only as an option; tests may see anything.
fn dependencies(manifest: &Table) -> Vec<(String, bool)> {
    let table = manifest.get("dependencies").and_then(|dependencies| dependencies.as_table());
    let optional = |value: &toml::Value| value.get("optional").and_then(toml::Value::as_bool) == Some(true);
    table
        .map(|table| table.iter().map(|(name, value)| (name.clone(), optional(value))).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::broken;
    use super::*;

    fn manifest(name: &str, dependencies: &str) -> String {
        format!(
            "[package]\nname = \"{name}\"\ndescription = \"x\"\n[dependencies]\n{dependencies}\n[dev-dependencies]\ntokio = \"1\"\n"
        )
    }

    #[test]
    fn arrows_that_point_back_are_found() {
        let certify = manifest(
            "clearway-certify",
            "clearway-signals.workspace = true\nclearway-planner.workspace = true",
        );
        let planner =
            manifest("clearway-planner", "tokio.workspace = true\nclearway-certify.workspace = true");
        let ntcip = manifest("clearway-ntcip", "clearway-planner = { path = \"x\" }\ntokio = \"1\"");
        let files = [
            ("engine/certify/Cargo.toml", certify.as_str()),
            ("engine/planner/Cargo.toml", planner.as_str()),
            ("adapters/ntcip/Cargo.toml", ntcip.as_str()),
        ];
        let found =
            ["engine/certify/Cargo.toml:6", "engine/planner/Cargo.toml:5", "adapters/ntcip/Cargo.toml:5"];
        assert_eq!(broken(dependencies_point_one_way, &files), found);
    }

    #[test]
    fn an_async_runtime_is_allowed_as_an_option() {
        let contract = manifest("clearway-contract", "tokio = { version = \"1\", optional = true }");
        assert!(broken(dependencies_point_one_way, &[("a/Cargo.toml", &contract)]).is_empty());
    }

    #[test]
    fn a_crate_without_description_is_found() {
        let files = [("a/Cargo.toml", "[package]\nname = \"a\"\n")];
        assert_eq!(broken(crates_are_described, &files), ["a/Cargo.toml:1"]);
    }
}
