//! A plan's certificate as a file that anybody can check again.
//!
//! It holds what was asked, of which model (by the SHA-256 of its tables), with which verdict. Checking it
//! runs the same checker on the model of today: times that were changed, another model, another
//! configuration of a controller are all found. It proves nothing about who wrote it; it is no signature.

use std::path::{Path, PathBuf};

use clearway_certify::{Ask, service, worst_case_entry};
use clearway_network::{Controller, Network};
use clearway_planner::outlook::{Outlook, check};
use clearway_signals::limits::ROUTE_SIGNALS_MAX;
use clearway_signals::{GroupId, Millis, RequestId, RowId};
use miette::{IntoDiagnostic, Result, WrapErr, miette};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{PlanArgs, clock, report};
use crate::live::texts::found;

const FORMAT: &str = "clearway-certificate";
const VERSION: u32 = 2;
/// A certificate is far smaller; a larger file is not read.
const BYTES_MAX: u64 = 1 << 20;

/// A certificate.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    format: String,
    version: u32,
    network: NetworkName,
    class: String,
    /// Time of the day, milliseconds; all other times count from the same midnight.
    departs_ms: i64,
    /// What the checker passed, in the order of the way.
    asks: Vec<AskRecord>,
    /// What it refused and was left out, in words.
    left_out: Vec<String>,
    /// What it says of the asks: `certified`.
    verdict: String,
    /// SHA-256 of everything above.
    seal: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NetworkName {
    name: String,
    dir: PathBuf,
    /// SHA-256 of `model.toml` and every table, in the order of their names.
    sha256: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskRecord {
    controller: String,
    /// Fingerprint of the controller's groups, intergreens and rows.
    configuration: u32,
    /// The row's place in the controller's list, from 0, and its number on the wire.
    row: u8,
    row_number: u8,
    request: u32,
    /// The groups that the path needs green.
    wanted: Vec<String>,
    assert_at_ms: i64,
    arrival_ms: i64,
    release_at_ms: i64,
    /// From the call until every wanted group can be green, whatever the controller does just then.
    entry_at_most_ms: i64,
    answer: AnswerRecord,
}

/// What the controller may answer: bounds over each of its lawful responses.
#[derive(Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct AnswerRecord {
    /// Neither entry nor dwell begins sooner.
    entry_from_ms: i64,
    entry_by_ms: i64,
    /// Every group of the dwell is green by then, if the call still stands.
    dwell_by_ms: Option<i64>,
    /// From when green is certain, unless a higher row takes the controller. None: no promise, for the
    /// call may be over before the slowest entry is.
    green_by_ms: Option<i64>,
    /// The controller serves it no longer: released, minimum duration and minimum dwell over.
    served_until_ms: i64,
    /// The last intergreen of the exit is over.
    exit_by_ms: i64,
}

impl Certificate {
    /// The certificate of a plan.
    pub fn of(network: &Network, dir: &Path, args: &PlanArgs, outlook: &Outlook) -> Result<Self> {
        let names = report::names(network);
        let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
        let mut certificate = Self {
            format: FORMAT.into(),
            version: VERSION,
            network: NetworkName { name: network.name.clone(), sha256: hash(&dir)?, dir },
            class: args.class.word().into(),
            departs_ms: args.at.0,
            asks: outlook.asks.iter().filter_map(|ask| AskRecord::of(network, ask)).collect(),
            left_out: outlook.refused.iter().map(|finding| found(finding, &names)).collect(),
            verdict: "certified".into(),
            seal: String::new(),
        };
        certificate.seal = certificate.sealed()?;
        Ok(certificate)
    }

    /// Read a certificate.
    pub fn read(file: &Path) -> Result<Self> {
        let unreadable = || format!("{} cannot be read", file.display());
        let size = std::fs::metadata(file).into_diagnostic().wrap_err_with(unreadable)?.len();
        if size > BYTES_MAX {
            return Err(miette!("{} is too large to be a certificate", file.display()));
        }
        let text = std::fs::read_to_string(file).into_diagnostic().wrap_err_with(unreadable)?;
        serde_json::from_str(&text).map_err(|error| {
            miette!(
                help = "certificates are written by `clearway plan --certificate FILE`",
                "{} is no certificate: {error}",
                file.display()
            )
        })
    }

    /// The folder of the model that it names.
    pub fn dir(&self) -> PathBuf {
        self.network.dir.clone()
    }

    /// One line that says what it is about.
    pub fn summary(&self) -> String {
        let Self { class, network, asks, departs_ms, .. } = self;
        format!(
            "{} requests of class {class} on {}, leaving {}",
            asks.len(),
            network.name,
            clock(Millis(*departs_ms))
        )
    }

    /// Why it does not hold; empty when it does.
    pub fn check(&self, network: &Network, dir: &Path) -> Result<Vec<String>> {
        let mut reasons = Vec::new();
        if self.format != FORMAT || self.version != VERSION {
            reasons
                .push(format!("it is a {} of version {}, not {FORMAT} {VERSION}", self.format, self.version));
        }
        if self.seal != self.sealed()? {
            reasons.push("it was changed after it was written: its seal does not fit".into());
        }
        if self.verdict != "certified" {
            reasons.push(format!("its own verdict is {:?}", self.verdict));
        }
        if self.network.sha256 != hash(dir)? {
            reasons
                .push(format!("{} is not the model that it was made on: its tables differ", dir.display()));
        }
        if self.asks.len() > ROUTE_SIGNALS_MAX {
            reasons.push(format!("{} requests are more than {ROUTE_SIGNALS_MAX}", self.asks.len()));
            return Ok(reasons);
        }
        let (mut asks, faults_before) = (Vec::new(), reasons.len());
        for record in &self.asks {
            match record.ask(network) {
                Ok(ask) => asks.push(ask),
                Err(reason) => reasons.push(reason),
            }
        }
        if let (true, Err(finding)) = (reasons.len() == faults_before, check(network, &asks)) {
            reasons.push(format!("the checker refuses it: {}", found(&finding, &report::names(network))));
        }
        let misstated = self.asks.iter().filter(|record| record.is_misstated(network));
        reasons.extend(misstated.map(|record| {
            format!("{}: the bounds of the controller's answer are other ones", record.controller)
        }));
        Ok(reasons)
    }

    /// SHA-256 of everything but the seal.
    fn sealed(&self) -> Result<String> {
        let Self { format, version, network, class, departs_ms, asks, left_out, verdict, seal: _ } = self;
        let content = (format, version, network, class, departs_ms, asks, left_out, verdict);
        Ok(hex(&Sha256::digest(serde_json::to_vec(&content).into_diagnostic()?)))
    }
}

impl AskRecord {
    fn of(network: &Network, ask: &Ask) -> Option<Self> {
        let controller = network.controller(ask.controller)?;
        let junction = controller.junction();
        let row = junction.row(ask.row)?;
        let name = |group: GroupId| controller.group_names.get(group.index()).cloned();
        Some(Self {
            controller: controller.name.clone(),
            configuration: junction.configuration_hash(),
            row: ask.row.0,
            row_number: row.number,
            request: ask.request.0,
            wanted: ask.wanted.iter().filter_map(name).collect(),
            assert_at_ms: ask.assert_at.0,
            arrival_ms: ask.arrival.0,
            release_at_ms: ask.release_at.0,
            entry_at_most_ms: worst_case_entry(&junction, row)?.0,
            answer: AnswerRecord::of(controller, ask)?,
        })
    }

    /// Whether the answer that it states is not the one that follows from the model of today.
    fn is_misstated(&self, network: &Network) -> bool {
        let Ok(ask) = self.ask(network) else { return false };
        let answer = network.controller(ask.controller).and_then(|site| AnswerRecord::of(site, &ask));
        answer.as_ref() != Some(&self.answer)
    }

    /// The request as the checker takes it, on a model; why not, in words.
    fn ask(&self, network: &Network) -> Result<Ask, String> {
        let name = &self.controller;
        let controller = network.controllers.iter().find(|controller| controller.name == *name);
        let controller: &Controller =
            controller.ok_or_else(|| format!("the model has no controller {name}"))?;
        let junction = controller.junction();
        let row = RowId(self.row);
        let data = junction.row(row).filter(|data| data.number == self.row_number);
        let data = data.ok_or_else(|| format!("{name} has no row {} of that number", self.row_number))?;
        if junction.configuration_hash() != self.configuration {
            return Err(format!("{name} is configured otherwise than when the certificate was made"));
        }
        if worst_case_entry(&junction, data) != Some(Millis(self.entry_at_most_ms)) {
            return Err(format!("{name}: the bound of the entry is not {} ms", self.entry_at_most_ms));
        }
        let group = |wanted: &String| {
            let place = controller.group_names.iter().position(|group| group == wanted);
            let group = place.and_then(|place| u8::try_from(place).ok()).map(GroupId);
            group.ok_or_else(|| format!("{name} has no signal group {wanted}"))
        };
        Ok(Ask {
            controller: controller.id,
            row,
            request: RequestId(self.request),
            wanted: self.wanted.iter().map(group).collect::<Result<Vec<_>, _>>()?.into_iter().collect(),
            assert_at: Millis(self.assert_at_ms),
            arrival: Millis(self.arrival_ms),
            release_at: Millis(self.release_at_ms),
        })
    }
}

impl AnswerRecord {
    fn of(controller: &Controller, ask: &Ask) -> Option<Self> {
        let junction = controller.junction();
        let answer = service(&junction, junction.row(ask.row)?, ask.assert_at, ask.release_at)?;
        Some(Self {
            entry_from_ms: answer.entry_from.0,
            entry_by_ms: answer.entry_by.0,
            dwell_by_ms: answer.dwell_by.map(|by| by.0),
            green_by_ms: answer.green_by(ask.release_at).map(|by| by.0),
            served_until_ms: answer.served_until.0,
            exit_by_ms: answer.exit_by.0,
        })
    }
}

/// SHA-256 of a model: `model.toml` and every table, each with its name and its length.
fn hash(dir: &Path) -> Result<String> {
    let unreadable = || format!("{} cannot be read", dir.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).into_diagnostic().wrap_err_with(unreadable)? {
        let name = entry.into_diagnostic().wrap_err_with(unreadable)?.file_name();
        let Some(name) = name.to_str() else { continue };
        if name == "model.toml" || Path::new(name).extension().is_some_and(|ending| ending == "csv") {
            files.push(name.to_owned());
        }
    }
    files.sort_unstable();
    let mut sum = Sha256::new();
    for name in files {
        let bytes = std::fs::read(dir.join(&name)).into_diagnostic().wrap_err_with(unreadable)?;
        sum.update(name.as_bytes());
        sum.update((bytes.len() as u64).to_le_bytes());
        sum.update(&bytes);
    }
    Ok(hex(&sum.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
