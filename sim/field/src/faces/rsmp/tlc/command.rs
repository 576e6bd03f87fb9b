//! Carrying out commands.

use clearway_rsmp::priority::Reference;
use clearway_rsmp::{SecurityCode, naming};
use clearway_signals::{Channel, GroupId, GroupSet, Millis, Mode, Owner, RowId, RowKind};

use super::super::orders::Given;
use super::io::{self, INPUTS};
use super::plans::{numbers, to_byte};
use super::priority::{New, Target, Update};
use super::{Component, Tlc};
use crate::station::Station;
use clearway_rsmp::session::Instant;

/// Longest security code.
const CODE_MAX: usize = 64;

/// Vehicles that get a preempt row.
const EMERGENCY: [&str; 2] = ["emergency", "safetyCar"];

impl Tlc {
    /// Check what needs no doing: the security code, and that everything that is named is there.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn admit(&self, given: &Given<'_>) -> Result<(), String> {
        let level = usize::from(given.order.security);
        if level > 0 && given.text("securityCode") != Some(self.codes[level - 1].0.as_str()) {
            return Err(format!("wrong security code for level {level}"));
        }
        Ok(())
    }

    /// Carry a command out. Nothing is done when it is refused.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn obey(
        &mut self,
        given: &Given<'_>,
        component: Component,
        link: usize,
        station: &mut Station,
        now: Instant,
    ) -> Result<(), String> {
        let on = given.flag("status");
        match given.order.code {
            "M0001" => self.set_position(given, station),
            "M0002" => self.set_plan(on, given.byte("timeplan").unwrap_or(0)),
            "M0003" => self.set_situation(on, given.byte("traficsituation").unwrap_or(0)),
            "M0004" => self.restart(on, station),
            "M0005" => self.set_route(on, given.byte("emergencyroute").unwrap_or(0)),
            "M0006" | "M0013" | "M0019" | "M0020" => self.set_lines(given),
            "M0007" => {
                self.fixed_time = Some(on);
                station.emulator_mut().set_fixed_time(on);
                Ok(())
            }
            "M0008" => {
                let Component::Detector(number) = component else { return Err("no detector logic".into()) };
                station.emulator_mut().force_detector(number, on.then(|| given.flag("mode")));
                Ok(())
            }
            "M0010" | "M0011" => order_group(component, given.order.code == "M0010", on, station),
            "M0012" => order_groups(&self.group_lines, given.text("status").unwrap_or_default(), station),
            "M0014" | "M0015" | "M0016" | "M0017" | "M0018" => self.edit_plans(given, now),
            "M0021" => self.set_sensitivity(given.text("status").unwrap_or_default()),
            "M0022" => self.request_priority(given, link, station, now),
            "M0023" => {
                self.bands_timeout = Millis::from_s(given.number("status").unwrap_or(0) * 60);
                Ok(())
            }
            // Alarms follow their causes here: none is held that a reset could end. The conflict
            // monitor's latch takes a person.
            "M0024" => Ok(()),
            "M0103" => self.set_code(given),
            "M0104" => self.set_clock(given, now),
            code => Err(format!("command {code} is not carried out here")),
        }
    }

    /// Inputs and outputs: switched, switched in blocks, forced.
    fn set_lines(&mut self, given: &Given<'_>) -> Result<(), String> {
        let on = given.flag("status");
        let input = given.byte("input").unwrap_or(0);
        let known = match given.order.code {
            "M0006" => self.inputs.set(input, on),
            "M0019" => self.inputs.force(input, on.then(|| given.flag("inputValue"))),
            "M0020" => {
                let output = given.byte("output").unwrap_or(0);
                self.outputs.force(output, on.then(|| given.flag("outputValue")))
            }
            _ => {
                let changes = io::blocks(given.text("status").unwrap_or_default(), INPUTS)?;
                changes.into_iter().all(|(input, on)| self.inputs.set(input, on))
            }
        };
        if known { Ok(()) } else { Err("there is no such input or output".into()) }
    }

    /// Bands, offsets, cycles and time tables: the traffic parameters change with them.
    fn edit_plans(&mut self, given: &Given<'_>, now: Instant) -> Result<(), String> {
        let text = given.text("status").unwrap_or_default();
        let (plan, seconds) = (given.byte("plan").unwrap_or(0), given.byte("status").unwrap_or(0));
        match given.order.code {
            "M0014" => self.book.set_bands(plan, text),
            "M0015" => self.book.set_offset(plan, seconds),
            "M0016" => self.book.set_week(text),
            "M0017" => self.book.set_tables(text),
            _ => self.book.set_cycle(plan, seconds, &self.controller),
        }?;
        self.changed_ms = self.clock_ms(now);
        self.configuration = None;
        Ok(())
    }

    fn set_position(&mut self, given: &Given<'_>, station: &mut Station) -> Result<(), String> {
        if given.byte("intersection").is_none_or(|intersection| intersection > 1) {
            return Err("there is intersection 1 only (0: all)".into());
        }
        let mode = match given.text("status") {
            Some("NormalControl") => Mode::Normal,
            Some("YellowFlash") => Mode::Flash,
            Some("Dark") => Mode::Dark,
            other => return Err(format!("there is no functional position {other:?}")),
        };
        let emulator = station.emulator_mut();
        if emulator.is_tripped() {
            return Err("the conflict monitor holds the signals in flash".into());
        }
        let timeout = Millis::from_s(given.number("timeout").unwrap_or(0) * 60);
        let before = self.position;
        self.position = mode;
        self.position_ends =
            (timeout > Millis::ZERO && before != mode).then(|| (emulator.now() + timeout, before));
        emulator.set_mode(mode);
        Ok(())
    }

    fn set_plan(&mut self, on: bool, plan: u8) -> Result<(), String> {
        if on && !self.book.exists(plan) {
            return Err(format!("there is no time plan {plan}"));
        }
        self.book.commanded = on.then_some(plan);
        Ok(())
    }

    fn set_situation(&mut self, on: bool, situation: u8) -> Result<(), String> {
        if on && !self.book.exists(situation) {
            return Err(format!("there is no traffic situation {situation}"));
        }
        self.book.situation = on.then_some(situation);
        Ok(())
    }

    fn restart(&mut self, on: bool, station: &mut Station) -> Result<(), String> {
        if !on {
            return Ok(());
        }
        if !station.emulator_mut().restart() {
            return Err("the conflict monitor holds the signals in flash".into());
        }
        self.forget();
        self.restarted = true;
        Ok(())
    }

    /// Emergency route n is the n-th emergency row.
    fn set_route(&mut self, on: bool, route: u8) -> Result<(), String> {
        if self.route_row(route).is_none() {
            return Err(format!("there is no emergency route {route}"));
        }
        self.routes.retain(|active| *active != route);
        if on {
            self.routes.push(route);
        }
        Ok(())
    }

    pub(super) fn route_row(&self, route: u8) -> Option<RowId> {
        let rows = (0u8..).map(RowId).zip(&self.controller.rows);
        let mut routes = rows.filter(|(_, row)| {
            row.kind == RowKind::Emergency && row.channel == Channel::Preempt && row.owner == Owner::Ours
        });
        routes.nth(usize::from(route.checked_sub(1)?)).map(|(id, _)| id)
    }

    fn set_sensitivity(&mut self, text: &str) -> Result<(), String> {
        let mut changes = Vec::new();
        for pair in text.split(',') {
            let [detector, sensitivity] = numbers(pair)?;
            let known = self.controller.detectors.iter().any(|d| u16::from(d.number) == detector);
            if !known || sensitivity > 255 {
                return Err(format!("{pair:?}: no such detector, or no sensitivity from 0 to 255"));
            }
            changes.push((to_byte(detector), to_byte(sensitivity)));
        }
        self.sensitivity.extend(changes);
        Ok(())
    }

    fn set_code(&mut self, given: &Given<'_>) -> Result<(), String> {
        let level = if given.text("status") == Some("Level1") { 0 } else { 1 };
        if given.text("oldSecurityCode") != Some(self.codes[level].0.as_str()) {
            return Err(format!("wrong security code for level {}", level + 1));
        }
        let code = given.text("newSecurityCode").unwrap_or_default();
        if code.len() > CODE_MAX {
            return Err(format!("a security code has {CODE_MAX} characters at most"));
        }
        self.codes[level] = SecurityCode(code.into());
        Ok(())
    }

    fn set_clock(&mut self, given: &Given<'_>, now: Instant) -> Result<(), String> {
        let part = |name: &str| given.number(name).and_then(|n| i8::try_from(n).ok()).unwrap_or(0);
        let year = given.number("year").and_then(|year| i16::try_from(year).ok()).unwrap_or(0);
        let date = jiff::civil::DateTime::new(
            year,
            part("month"),
            part("day"),
            part("hour"),
            part("minute"),
            part("second"),
            0,
        );
        let at = date
            .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC))
            .map_err(|error| format!("no such date: {error}"))?;
        self.clock_offset_ms = at.timestamp().as_millisecond() - now.unix_ms;
        Ok(())
    }

    fn request_priority(
        &mut self,
        given: &Given<'_>,
        link: usize,
        station: &mut Station,
        now: Instant,
    ) -> Result<(), String> {
        let references = ["signalGroupId", "inputId", "connectionId", "approachId", "laneInId", "priorityId"];
        let named: Vec<&str> = references.into_iter().filter(|name| given.text(name).is_some()).collect();
        let lane_out = given.text("laneOutId").is_some();
        let id = given.text("requestId").unwrap_or_default();
        let eta = given.number("eta").map(Millis::from_s);
        let vehicle = given.text("vehicleType");
        let (at, wall_ms) = (station.emulator().now(), self.clock_ms(now));
        let level = given.byte("level");
        if given.text("type") != Some("new") {
            if !named.is_empty() || lane_out {
                return Err(format!("a reference ({named:?}) goes with a new request only"));
            }
            return match given.text("type") {
                Some("update") => self.requests.update(id, link, &Update { level, eta, vehicle }, at),
                _ => self.requests.cancel(id, at, wall_ms),
            };
        }
        let [reference] = named[..] else {
            return Err(format!("a new request has one reference, not {}", named.len()));
        };
        if lane_out && reference != "laneInId" {
            return Err("laneOutId goes with laneInId only".into());
        }
        let level = level.ok_or("a new request has a level")?;
        let emergency = vehicle.is_some_and(|vehicle| EMERGENCY.contains(&vehicle));
        let target = self.target(reference, given, emergency)?;
        let vehicle = vehicle.map(Into::into);
        self.requests.add(New { id: id.into(), link, target, vehicle, level, eta }, at, wall_ms)
    }

    /// What a reference means for the kind of vehicle; `None`: it is known, but nothing serves it.
    fn target(&self, reference: &str, given: &Given<'_>, emergency: bool) -> Result<Option<Target>, String> {
        let number = given.number(reference).unwrap_or(0);
        let place = usize::try_from(number - 1).ok();
        let unknown = || format!("there is no {reference} {}", given.text(reference).unwrap_or_default());
        match reference {
            "signalGroupId" => {
                let group = match self.names.find(given.text(reference).unwrap_or_default()) {
                    Some(Component::Group(group)) => group,
                    _ => return Err(unknown()),
                };
                Ok(self.target_of_groups(GroupSet::of(group), emergency))
            }
            "inputId" | "connectionId" => {
                let number = given.byte(reference).unwrap_or(0);
                let named = match reference {
                    "inputId" => Reference::Input(number),
                    _ => Reference::Connection(number),
                };
                let row = naming::row_of(&named).and_then(|(channel, number)| {
                    self.controller.rows.iter().position(|r| r.channel == channel && r.number == number)
                });
                row.and_then(|row| self.target_of_row(row, emergency)).ok_or_else(unknown)
            }
            "priorityId" => place.and_then(|row| self.target_of_row(row, emergency)).ok_or_else(unknown),
            _ => {
                let from = place.and_then(|place| self.approaches.get(place)).ok_or_else(unknown)?;
                let to = given.number("laneOutId").and_then(|n| usize::try_from(n - 1).ok());
                let to =
                    to.map(|place| self.exits.get(place).ok_or("there is no such laneOutId")).transpose()?;
                let paths = self.paths.iter().filter(|p| p.from == *from && to.is_none_or(|to| p.to == *to));
                let groups = paths.fold(GroupSet::EMPTY, |groups, path| groups.union(path.groups));
                Ok(self.target_of_groups(groups, emergency))
            }
        }
    }

    /// An emergency vehicle gets the row that turns all its groups green, else none; the others get
    /// priority for the groups.
    fn target_of_groups(&self, groups: GroupSet, emergency: bool) -> Option<Target> {
        if groups.is_empty() {
            return None;
        }
        if !emergency {
            return Some(Target::Groups(groups));
        }
        let rows = (1..=u8::MAX).map_while(|route| self.route_row(route));
        let mut serving = rows.filter(|row| {
            self.controller.rows.get(row.index()).is_some_and(|row| groups.is_subset(row.dwell))
        });
        serving.next().map(Target::Row)
    }

    /// `Some(None)`: the row is there, but not for this kind of vehicle, or another's.
    #[allow(clippy::option_option)]
    fn target_of_row(&self, place: usize, emergency: bool) -> Option<Option<Target>> {
        let row = self.controller.rows.get(place)?;
        let id = u8::try_from(place).ok().map(RowId)?;
        Some(match (row.kind, emergency) {
            _ if row.owner != Owner::Ours => None,
            (RowKind::Emergency, true) => Some(Target::Row(id)),
            (RowKind::Transit, false) => Some(Target::Groups(row.dwell)),
            _ => None,
        })
    }
}

/// M0010, M0011. "False" is no order.
fn order_group(component: Component, start: bool, on: bool, station: &mut Station) -> Result<(), String> {
    let Component::Group(group) = component else { return Err("no signal group".into()) };
    let emulator = station.emulator_mut();
    let taken = !on || if start { emulator.order_start(group) } else { emulator.order_stop(group) };
    if taken { Ok(()) } else { Err("a group in conflict is ordered to green already".into()) }
}

/// M0012: bits to start and bits to stop.
fn order_groups(lines: &[Option<GroupId>], text: &str, station: &mut Station) -> Result<(), String> {
    let changes = io::blocks(text, u8::MAX)?;
    let group = |number: u8| lines.get(usize::from(number) - 1).copied().flatten();
    if let Some((number, _)) = changes.iter().find(|(number, _)| group(*number).is_none()) {
        return Err(format!("there is no signal group {number}"));
    }
    let emulator = station.emulator_mut();
    for (number, start) in changes {
        let Some(group) = group(number) else { continue };
        let taken = if start { emulator.order_start(group) } else { emulator.order_stop(group) };
        if !taken {
            return Err(format!("signal group {number} is in conflict with one that is ordered already"));
        }
    }
    Ok(())
}
