//! The unit behind the agent, sans-IO: instances read by name, and SETs that are tested before any of
//! them is carried out.

use clearway_signals::{Millis, RowId};

use super::objects::{Object, Reading, instances, preempt_row, read};
use super::prs::{Prs, Refused, object};
use crate::emulator::Emulator;

/// Why a SET is refused; nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// There is no such instance.
    NoCreation,
    /// Nobody writes there.
    NotWritable,
    /// A value of another type.
    WrongType,
    /// A value of another length.
    WrongLength,
    /// A value out of range.
    WrongValue,
}

/// A write that was tested.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Tested {
    Call(RowId, bool),
    Block(u32, Vec<u8>),
}

/// The objects of one controller and its priority server.
#[derive(Clone, Debug)]
pub struct Unit {
    objects: Vec<(Vec<u32>, Object)>,
    prs: Prs,
}

impl Unit {
    /// The unit of a controller.
    #[must_use]
    pub fn new(emulator: &Emulator) -> Self {
        Self { objects: instances(emulator), prs: Prs::new() }
    }

    /// The object that an instance is; `None` where the controller has none.
    #[must_use]
    pub fn find(&self, name: &[u32]) -> Option<Object> {
        let index = self.objects.binary_search_by(|(known, _)| known.as_slice().cmp(name)).ok()?;
        Some(self.objects[index].1)
    }

    /// Read an instance. `epoch_s` is the controller's wall clock, seconds since 1970.
    pub fn read(&mut self, object: Object, emulator: &Emulator, epoch_s: u32) -> Reading {
        value(object, &mut self.prs, emulator, epoch_s)
    }

    /// Carry out a SET: all of its bindings or none.
    ///
    /// # Errors
    /// Why the first binding that cannot be carried out is refused.
    pub fn set(&mut self, bindings: &[(&[u32], Reading)], emulator: &mut Emulator) -> Result<(), Refusal> {
        let tested: Result<Vec<Tested>, Refusal> =
            bindings.iter().map(|(name, value)| self.test(name, value, emulator)).collect();
        if tested.is_err() {
            emulator.count_refusal();
        }
        for write in tested? {
            match write {
                Tested::Call(row, on) => {
                    emulator.remote_call(row, on, Millis::NEVER).map_err(|_| Refusal::NotWritable)?;
                }
                Tested::Block(number, block) => self.prs.take(number, &block, emulator),
            }
        }
        Ok(())
    }

    fn test(&self, name: &[u32], value: &Reading, emulator: &Emulator) -> Result<Tested, Refusal> {
        match (self.find(name).ok_or(Refusal::NoCreation)?, value) {
            (Object::PreemptControl(number), Reading::Integer(value @ (0 | 1))) => {
                let row = preempt_row(number, emulator).ok_or(Refusal::NotWritable)?;
                Ok(Tested::Call(row, *value == 1))
            }
            (Object::PreemptControl(_), Reading::Integer(_)) => Err(Refusal::WrongValue),
            (Object::Priority(number), Reading::Octets(block)) => match self.prs.test(number, block) {
                Ok(()) => Ok(Tested::Block(number, block.clone())),
                Err(Refused::Length) => Err(Refusal::WrongLength),
                Err(Refused::Value) => Err(Refusal::WrongValue),
                Err(Refused::ReadOnly) => Err(Refusal::NotWritable),
            },
            (Object::PreemptControl(_) | Object::Priority(_), _) => Err(Refusal::WrongType),
            _ => Err(Refusal::NotWritable),
        }
    }
}

/// Read an instance, those of the priority server included.
pub(super) fn value(object: Object, prs: &mut Prs, emulator: &Emulator, epoch_s: u32) -> Reading {
    match object {
        Object::Priority(object::STATUS_BUFFER) => Reading::Octets(prs.status(emulator)),
        Object::Priority(object::STATUS_CONTROL) => Reading::Octets(prs.selected()),
        Object::Priority(_) => Reading::Octets(Vec::new()),
        _ => read(object, emulator, epoch_s),
    }
}

#[cfg(test)]
mod tests {
    use clearway_network::testing::corridor;

    use super::super::objects::DEVICES;
    use super::*;
    use crate::emulator::Options;

    fn name(below: &[u32]) -> Vec<u32> {
        [&DEVICES[..], below].concat()
    }

    #[test]
    fn a_set_with_one_bad_binding_changes_nothing() {
        let mut emulator = Emulator::new(&corridor(2).controllers[0], Options::default());
        let mut unit = Unit::new(&emulator);
        let (good, bad) = (name(&[1, 6, 3, 1, 2, 3]), name(&[1, 3, 3, 0]));
        let one = Reading::Integer(1);
        let both = [(good.as_slice(), one.clone()), (bad.as_slice(), one.clone())];
        assert_eq!(unit.set(&both, &mut emulator), Err(Refusal::NotWritable));
        assert!(emulator.status().remote.is_empty());
        assert_eq!(unit.set(&both[..1], &mut emulator), Ok(()));
        assert!(emulator.status().remote.contains(RowId(1)));
        let seven = [(good.as_slice(), Reading::Integer(7))];
        assert_eq!(unit.set(&seven, &mut emulator), Err(Refusal::WrongValue));
        assert_eq!(unit.find(&name(&[9, 9])), None);
    }
}
