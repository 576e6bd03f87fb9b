//! Reading the statuses of the list.

use std::fmt::Write as _;

use clearway_rsmp::sxl::{Argument, Entry};
use clearway_rsmp::time::timestamp;
use clearway_rsmp::{Sxl, naming};
use clearway_signals::{GroupId, GroupKind, Millis, Mode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::wire::base64;
use super::counting::Counting;
use super::io::digit;
use super::plans::{join, stages};
use super::{Checksum, Component, Configuration, Tlc};
use crate::emulator::{Aspect, Detector, Emulator};
use clearway_rsmp::session::Instant;

/// Confidence of a prediction while the plan runs alone, and while something bends it; percent.
const SURE: u8 = 100;
const UNSURE: u8 = 50;

/// A value: `None` is unknown.
pub(crate) type Reading = Option<Value>;

impl Tlc {
    /// Read one value. The counting goes from where `counting` began.
    pub fn read(
        &mut self,
        (status, name): (&Entry, &Argument),
        component: Component,
        emulator: &Emulator,
        counting: &Counting,
        now: Instant,
    ) -> Reading {
        let name = name.name;
        match (status.code, component) {
            ("S0025", Component::Group(group)) => self.prediction(name, group, emulator, now),
            ("S0201" | "S0202" | "S0203" | "S0204", Component::Detector(number)) => {
                let detector = emulator.detectors().iter().find(|d| d.number == number)?;
                Some(counted(status.code, name, detector, counting, emulator.now()).into())
            }
            ("S0205" | "S0206" | "S0207" | "S0208", _) => {
                Some(counted_all(status.code, name, emulator, counting))
            }
            ("S0001", _) => Some(self.signals(name, emulator).into()),
            ("S0002" | "S0021", _) => Some(detector_text(status.code == "S0021", emulator).into()),
            ("S0003", _) => {
                Some(if name == "inputstatus" { self.inputs.text() } else { String::new() }.into())
            }
            ("S0004", _) => {
                Some(if name == "outputstatus" { self.outputs.text() } else { String::new() }.into())
            }
            (
                "S0005" | "S0007" | "S0008" | "S0009" | "S0010" | "S0011" | "S0012" | "S0013" | "S0020"
                | "S0032",
                _,
            ) => Some(self.mode(status.code, name, emulator)),
            ("S0006" | "S0035", _) => Some(self.emergency(name)),
            ("S0014" | "S0015", _) => Some(self.selection(status.code, name, now)),
            ("S0016" | "S0017" | "S0018" | "S0019", _) => Some(self.count_of(status.code, emulator).into()),
            ("S0022", _) => Some(self.book.plans_text().into()),
            ("S0023", _) => Some(self.book.bands_text().into()),
            ("S0024", _) => Some(self.book.offsets_text().into()),
            ("S0026", _) => Some(self.book.week_text().into()),
            ("S0027", _) => Some(self.book.tables_text().into()),
            ("S0028", _) => Some(self.book.cycles_text().into()),
            ("S0029", _) => Some(self.inputs.forced_text().into()),
            ("S0030", _) => Some(self.outputs.forced_text().into()),
            ("S0031", _) => Some(join(self.sensitivity.iter().map(|(d, s)| format!("{d}-{s}"))).into()),
            ("S0033", _) => Some(self.requests.value()),
            ("S0034", _) => Some((self.bands_timeout.0 / 60_000).to_string().into()),
            ("S0091" | "S0092", _) => Some(self.login(name).into()),
            ("S0095", _) => {
                Some(concat!("Clearway, emulated controller, ", env!("CARGO_PKG_VERSION")).into())
            }
            ("S0096", _) => Some(self.date(name, now).into()),
            ("S0097" | "S0098", _) => Some(self.traffic_parameters(name).into()),
            _ => None,
        }
    }

    // ---- signals ----

    fn signals(&self, name: &str, emulator: &Emulator) -> String {
        let cycle_s = (emulator.cycle().0 / 1000).max(1);
        match name {
            "signalgroupstatus" => group_text(emulator),
            "cyclecounter" => (emulator.status().cycle_position.0 / 1000).to_string(),
            "basecyclecounter" => (emulator.now().0 / 1000).rem_euclid(cycle_s).to_string(),
            _ => self.stage(emulator).to_string(),
        }
    }

    /// Number of the stage that runs, from 1; 0 where the plan has none.
    fn stage(&self, emulator: &Emulator) -> usize {
        let Some(plan) = &self.running else { return 0 };
        let starts = stages(plan);
        let position = emulator.status().cycle_position;
        match starts.iter().rposition(|start| *start <= position) {
            Some(place) => place + 1,
            None => starts.len(),
        }
    }

    fn prediction(&self, name: &str, group: GroupId, emulator: &Emulator, now: Instant) -> Reading {
        let left = emulator.planned_green_left(group);
        let start = emulator.planned_start_in(group)?;
        let green = emulator.is_green(group);
        let bent = self.any_preempt(emulator)
            || emulator.status().priority_granted
            || emulator.mode() != Mode::Normal;
        let cycle = emulator.cycle();
        let data = emulator.groups().find(|(id, ..)| *id == group)?.2;
        // The end of the green that runs, or of the next one.
        let likely_end = match left {
            Some(left) if green => left,
            _ => start + self.window_length(group),
        };
        let earliest = emulator.earliest_green(group)?.since(emulator.now());
        let in_ms = match name {
            "minToGEstimate" if green => likely_end.min(data.min_green) + data.ending(),
            "minToGEstimate" => earliest.min(start),
            "likelyToGEstimate" => start,
            "maxToGEstimate" => start + if bent { cycle } else { Millis::ZERO },
            "minToREstimate" if green => {
                let shown = emulator.aspect_since(group).map_or(Millis::ZERO, |since| emulator.now() - since);
                (data.min_green - shown).max(Millis::ZERO).min(likely_end)
            }
            "minToREstimate" => earliest.min(start) + data.min_green,
            "likelyToREstimate" => likely_end,
            "maxToREstimate" => likely_end + if bent { cycle } else { Millis::ZERO },
            _ => return Some(if bent { UNSURE } else { SURE }.to_string().into()),
        };
        Some(timestamp(self.clock_ms(now).saturating_add(in_ms.0)).into())
    }

    fn window_length(&self, group: GroupId) -> Millis {
        let windows = self.running.iter().flat_map(|plan| &plan.windows);
        windows.filter(|window| window.group == group).map(|window| window.length).max().unwrap_or_default()
    }

    // ---- modes ----

    fn mode(&self, code: &str, name: &str, emulator: &Emulator) -> Value {
        let mode = emulator.mode();
        let starting = emulator.startup_interval().is_some() || mode == Mode::Startup;
        let on = match code {
            "S0005" if name == "statusByIntersection" => {
                return json!([{"intersection": "1", "startup": boolean(starting)}]);
            }
            "S0005" => return boolean(starting).into(),
            "S0007" => !emulator.aspects().iter().all(|aspect| *aspect == Aspect::Dark),
            "S0008" => mode == Mode::Manual,
            "S0009" => self.fixed_time == Some(true),
            "S0011" => !starting && emulator.aspects().contains(&Aspect::Flash),
            _ => false,
        };
        let ordered = self.position != Mode::Normal && matches!(code, "S0007" | "S0011");
        let fixed = self.fixed_time.is_some() && code == "S0009";
        let source = match mode {
            _ if ordered || fixed => "forced",
            Mode::Manual => "operator_panel",
            _ => "startup",
        };
        let word = match (code, name) {
            (_, "intersection") => "0",
            (_, "source") => source,
            ("S0013", _) => "0",
            ("S0020", _) => control_mode(mode, starting),
            ("S0032", _) if mode == Mode::Normal && !starting => "centralized",
            ("S0032", _) => "off",
            _ => boolean(on),
        };
        word.into()
    }

    fn emergency(&self, name: &str) -> Value {
        match name {
            "status" => boolean(!self.routes.is_empty()).into(),
            "emergencystage" => self.routes.last().copied().unwrap_or(0).to_string().into(),
            _ => {
                let mut routes = self.routes.clone();
                routes.sort_unstable();
                json!(routes.iter().map(|route| json!({"id": route.to_string()})).collect::<Vec<_>>())
            }
        }
    }

    fn selection(&self, code: &str, name: &str, now: Instant) -> Value {
        let (plan, reason) = self.plan(now);
        let (number, source) = match (code, self.book.situation) {
            ("S0014", _) => (plan, reason.source()),
            (_, Some(situation)) => (situation, "forced"),
            (_, None) => (1, "startup"),
        };
        if name == "source" { source.into() } else { number.to_string().into() }
    }

    fn count_of(&self, code: &str, emulator: &Emulator) -> String {
        match code {
            "S0016" => emulator.detectors().len().to_string(),
            "S0017" => emulator.aspects().len().to_string(),
            _ => self.book.len().to_string(),
        }
    }

    /// Nobody is logged in at an emulator.
    fn login(&self, name: &str) -> &'static str {
        match name {
            "user" if self.sxl >= Sxl::V1_1 => "0",
            "user" => "",
            _ => "logout",
        }
    }

    fn date(&self, name: &str, now: Instant) -> String {
        let date = self.calendar(now);
        match name {
            "year" => date.year().to_string(),
            "month" => date.month().to_string(),
            "day" => date.day().to_string(),
            "hour" => date.hour().to_string(),
            "minute" => date.minute().to_string(),
            _ => date.second().to_string(),
        }
    }

    // ---- configuration ----

    fn traffic_parameters(&mut self, name: &str) -> String {
        match name {
            "timestamp" => timestamp(self.changed_ms),
            "version" => {
                let hash = self.controller.junction().configuration_hash();
                format!("{}, configuration {hash:08x}", self.controller.name)
            }
            "config" => self.configuration().base64.clone(),
            _ if self.checksum == Checksum::Model => {
                naming::checksum(self.controller.junction().configuration_hash())
            }
            _ => self.configuration().checksum.clone(),
        }
    }

    fn configuration(&mut self) -> &Configuration {
        let configuration = match self.configuration.take() {
            Some(known) => known,
            None => {
                let text = self.parameters_text();
                let checksum = Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
                    // Writing to a String cannot fail.
                    let _ = write!(hex, "{byte:02x}");
                    hex
                });
                Configuration { base64: base64(text.as_bytes()), checksum }
            }
        };
        self.configuration.insert(configuration)
    }

    /// Everything of the signal program, as JSON: groups, intergreens, rows, detectors, plans.
    fn parameters_text(&self) -> String {
        let c = &self.controller;
        let groups = c.groups.iter().zip(&c.group_names).zip(&c.group_numbers);
        let groups: Vec<Value> = groups
            .map(|((group, name), number)| {
                json!({"number": number, "name": name, "kind": format!("{:?}", group.kind).to_lowercase(),
                       "min_green_ms": group.min_green.0, "yellow_ms": group.yellow.0,
                       "clearance_ms": group.clearance.0, "red_yellow_ms": group.red_yellow.0})
            })
            .collect();
        let relations: Vec<String> = c.relations.iter().map(|relation| format!("{relation:?}")).collect();
        let rows: Vec<String> = c.rows.iter().map(|row| format!("{row:?}")).collect();
        let detectors: Vec<u8> = c.detectors.iter().map(|detector| detector.number).collect();
        json!({"controller": c.name, "groups": groups, "relations": relations, "rows": rows,
               "detectors": detectors, "plans": self.book.plans_text(), "cycles_s": self.book.cycles_text(),
               "offsets_s": self.book.offsets_text(), "bands_s": self.book.bands_text(),
               "week": self.book.week_text(), "time_tables": self.book.tables_text()})
        .to_string()
    }
}

/// One character for each signal group, at the place of its number (the list's chapter on the
/// definition of signal group status).
fn group_text(emulator: &Emulator) -> String {
    let interval = emulator.startup_interval();
    let last = emulator.groups().map(|(_, number, _)| number).max().unwrap_or(0);
    let mut text = vec!['-'; usize::from(last)];
    for (group, number, data) in emulator.groups() {
        let aspect = emulator.aspects().get(group.index()).copied().unwrap_or_default();
        let shown = emulator.aspect_since(group).map_or(Millis::ZERO, |since| emulator.now() - since);
        let letter = match (interval, aspect) {
            (Some(1), _) => 'e',
            (Some(2), _) => 'f',
            (Some(_), _) => 'g',
            (None, Aspect::Red) => 'B',
            (None, Aspect::RedYellow) => '0',
            (None, Aspect::Green) if shown < data.min_green => '1',
            (None, Aspect::Green) => '4',
            // The end of walk is a fixed time too; pedestrians have no yellow of their own.
            (None, Aspect::Yellow | Aspect::Clearance) => 'N',
            (None, Aspect::Flash) => 'c',
            (None, Aspect::Dark) => 'b',
        };
        debug_assert!(aspect != Aspect::Clearance || data.kind == GroupKind::Pedestrian);
        if let Some(place) = usize::from(number).checked_sub(1).and_then(|place| text.get_mut(place)) {
            *place = letter;
        }
    }
    text.into_iter().collect()
}

fn detector_text(forced: bool, emulator: &Emulator) -> String {
    let last = emulator.detectors().iter().map(|d| d.number).max().unwrap_or(0);
    let find = |number: u8| emulator.detectors().iter().find(|d| d.number == number);
    (1..=last)
        .map(|number| match find(number) {
            Some(d) => digit(if forced { d.forced.is_some() } else { d.occupied }),
            None => '-',
        })
        .collect()
}

fn counted(code: &str, name: &str, detector: &Detector, counting: &Counting, now: Millis) -> String {
    let measured = counting.of(detector, now);
    match (code, name) {
        (_, "starttime") => timestamp(counting.began_unix_ms),
        ("S0202", _) => measured.speed_kmh.unwrap_or(0).to_string(),
        ("S0203", _) => measured.occupancy_percent.to_string(),
        // The emulator's detectors tell no classes: whatever passes is a car.
        ("S0201", _) | ("S0204", "P") => measured.vehicles.to_string(),
        _ => "0".into(),
    }
}

fn counted_all(code: &str, name: &str, emulator: &Emulator, counting: &Counting) -> Value {
    if name == "start" {
        return timestamp(counting.began_unix_ms).into();
    }
    let of = |detector: &Detector| {
        let measured = counting.of(detector, emulator.now());
        match (code, name) {
            ("S0206", _) => measured.speed_kmh.unwrap_or(-1),
            ("S0207", _) => measured.occupancy_percent,
            ("S0205", _) | ("S0208", "P") => i64::from(measured.vehicles),
            _ => 0,
        }
    };
    join(emulator.detectors().iter().map(|detector| of(detector).to_string())).into()
}

fn control_mode(mode: Mode, starting: bool) -> &'static str {
    match mode {
        _ if starting => "startup",
        Mode::Flash | Mode::Dark => "standby",
        Mode::Fault => "failure",
        _ => "control",
    }
}

/// As the list writes it.
pub(crate) fn boolean(on: bool) -> &'static str {
    if on { "True" } else { "False" }
}
