//! Values that were read, kept in the order in which they came.

use std::cell::Cell;

use crate::frame::{Name, Value};

/// Values by name. Whoever asks for them in the order in which they came finds each at once.
#[derive(Clone, Debug, Default)]
pub struct Values {
    entries: Vec<(Name, Value)>,
    next: Cell<usize>,
}

impl Values {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, with room for so many.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self { entries: Vec::with_capacity(count), next: Cell::new(0) }
    }

    /// Add a value; one that came before under the same name stays.
    pub fn insert(&mut self, name: Name, value: Value) {
        self.entries.push((name, value));
    }

    /// The value of a name: the first that is found from where the last search ended, round about.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<&Value> {
        let (before, after) = self.entries.split_at(self.next.get().min(self.entries.len()));
        let index = match after.iter().position(|(known, _)| known == name) {
            Some(index) => before.len() + index,
            None => before.iter().position(|(known, _)| known == name)?,
        };
        self.next.set(index + 1);
        self.entries.get(index).map(|(_, value)| value)
    }

    /// Every value that came under a name, in order.
    pub fn all<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a Value> {
        self.entries.iter().filter(move |(known, _)| known == name).map(|(_, value)| value)
    }

    /// The value of a name, where it is a number.
    #[must_use]
    pub fn integer(&self, name: &Name) -> Option<i64> {
        match self.get(name)? {
            Value::Integer(value) => Some(*value),
            Value::Octets(_) | Value::Name(_) | Value::Other => None,
        }
    }

    /// The value of a name, where it is a string of octets.
    #[must_use]
    pub fn octets(&self, name: &Name) -> Option<&[u8]> {
        match self.get(name)? {
            Value::Octets(octets) => Some(octets),
            Value::Integer(_) | Value::Name(_) | Value::Other => None,
        }
    }

    /// The value of a name, where it is itself the name of an object.
    #[must_use]
    pub fn name(&self, name: &Name) -> Option<&Name> {
        match self.get(name)? {
            Value::Name(name) => Some(name),
            Value::Integer(_) | Value::Octets(_) | Value::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{GREENS, PREEMPT_CALL, YELLOWS};

    #[test]
    fn values_are_found_in_any_order() {
        let mut values = Values::with_capacity(3);
        for number in 1..=3 {
            values.insert(GREENS.of(number), Value::Integer(number.into()));
        }
        for number in [1, 2, 3, 1, 3, 2, 2] {
            assert_eq!(values.integer(&GREENS.of(number)), Some(number.into()));
        }
        assert_eq!(values.get(&YELLOWS.of(1)), None);
        assert_eq!(values.integer(&GREENS.of(1)), Some(1));
    }

    #[test]
    fn a_name_that_was_read_twice_has_two_values() {
        let mut values = Values::new();
        let name = PREEMPT_CALL.of(3);
        values.insert(name, Value::Integer(0));
        values.insert(name, Value::Octets(vec![1]));
        assert_eq!(values.all(&name).count(), 2);
        assert_eq!((values.integer(&name), values.octets(&name)), (Some(0), Some(&[1][..])));
    }
}
