//! Values that the gate needs: from the device, else from the profile's word on what the device lacks,
//! else missing, by name.

use clearway_contract::{GateFinding, GateRow};

use crate::frame::{Name, Object, Value};
use crate::profile::{Profile, StandIn};
use crate::values::Values;

/// Reads values, and notes what the device does not say.
pub(super) struct Reader<'a> {
    profile: &'a Profile,
    pub(super) values: &'a Values,
    /// What was found against the device.
    pub(super) found: Vec<GateFinding>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(profile: &'a Profile, values: &'a Values) -> Self {
        Self { profile, values, found: Vec::new() }
    }

    /// Note something against the device, once.
    pub(super) fn find(&mut self, row: GateRow, reason: String) {
        let finding = GateFinding { row, reason };
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    /// Note that the device does not serve an object.
    pub(super) fn miss(&mut self, row: GateRow, object: &Object, number: Option<u8>) {
        self.find(row, format!("the controller does not serve {}", instance(object, number)));
    }

    /// The number of a scalar.
    pub(super) fn scalar(&mut self, row: GateRow, object: &Object) -> Option<i64> {
        self.number(row, object, &self.profile.scalar(object), None)
    }

    /// The number in a row of a table.
    pub(super) fn integer(&mut self, row: GateRow, object: &Object, number: u8) -> Option<i64> {
        self.number(row, object, &object.of(number), Some(number))
    }

    /// The octets in a row of a table.
    pub(super) fn octets(&mut self, row: GateRow, object: &Object, number: u8) -> Option<&'a [u8]> {
        let said = match (self.values.get(&object.of(number)), self.profile.stand_in(object)) {
            (Some(Value::Octets(octets)), _) | (None, Some(StandIn::Octets(octets))) => {
                Some(octets.as_slice())
            }
            _ => None,
        };
        if said.is_none() {
            self.miss(row, object, Some(number));
        }
        said
    }

    fn number(&mut self, row: GateRow, object: &Object, name: &Name, number: Option<u8>) -> Option<i64> {
        let said = match (self.values.get(name), self.profile.stand_in(object)) {
            (Some(Value::Integer(value)), _) | (None, Some(StandIn::Number(value))) => *value,
            _ => {
                self.miss(row, object, number);
                return None;
            }
        };
        let (low, high) = object.range;
        if (low..=high).contains(&said) {
            return Some(said);
        }
        let reason = format!("{} is {said}, outside {low} to {high}", instance(object, number));
        self.find(row, reason);
        None
    }
}

/// As people who know SNMP write it.
fn instance(object: &Object, number: Option<u8>) -> String {
    let name = object.name;
    number.map_or_else(|| name.to_owned(), |number| format!("{name}.{number}"))
}
