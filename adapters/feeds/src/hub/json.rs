//! A walk over a JSON document that knows where it is, so that every fault names its place.
//!
//! Faults never carry values: a case holds names and telephone numbers.

use serde_json::Value;

use crate::reject::Reject;

/// What is wrong, and where in the message.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{place}: {} {}", reject.meaning(), reject.cure())]
pub struct Fault {
    /// Why.
    pub reject: Reject,
    /// Where, as in `geoPositionsUpdate.position[2].coord.lat`; `$` is the whole message.
    pub place: String,
}

impl Fault {
    /// A fault of the whole message.
    #[must_use]
    pub fn whole(reject: Reject) -> Self {
        Self { reject, place: "$".to_owned() }
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Node<'a> {
    /// The whole document.
    pub fn root(value: &'a Value) -> Self {
        Self { value, place: String::new() }
    }

    /// A fault at this place.
    pub fn fault(&self, reject: Reject) -> Fault {
        let place = if self.place.is_empty() { "$".to_owned() } else { self.place.clone() };
        Fault { reject, place }
    }

    /// The member of that name; `null` counts as absent.
    pub fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Self { value, place: self.child(name) })
    }

    /// The member of that name, which must be there.
    pub fn need(&self, name: &str) -> Result<Self, Fault> {
        self.get(name).ok_or_else(|| Fault { reject: Reject::MissingField, place: self.child(name) })
    }

    /// Refuses members of other names, and anything that is no object.
    pub fn only(&self, names: &[&str]) -> Result<(), Fault> {
        let object = self.value.as_object().ok_or_else(|| self.fault(Reject::WrongType))?;
        match object.keys().find(|key| !names.contains(&key.as_str())) {
            Some(_) => Err(self.fault(Reject::UnknownField)),
            None => Ok(()),
        }
    }

    /// The elements of a list of at most `count_max`.
    pub fn items(&self, count_max: usize) -> Result<Vec<Self>, Fault> {
        let list = self.value.as_array().ok_or_else(|| self.fault(Reject::WrongType))?;
        if list.len() > count_max {
            return Err(self.fault(Reject::TooMany));
        }
        let item = |(index, value)| Self { value, place: format!("{}[{index}]", self.place) };
        Ok(list.iter().enumerate().map(item).collect())
    }

    /// The value as text.
    pub fn text(&self) -> Result<&'a str, Fault> {
        self.value.as_str().ok_or_else(|| self.fault(Reject::WrongType))
    }

    /// The value as a number.
    pub fn number(&self) -> Result<f64, Fault> {
        self.value.as_f64().ok_or_else(|| self.fault(Reject::WrongType))
    }

    /// A member as text, if it is there.
    pub fn text_of(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        self.get(name).map(|node| node.text()).transpose()
    }

    /// A member as a number, if it is there.
    pub fn number_of(&self, name: &str) -> Result<Option<f64>, Fault> {
        self.get(name).map(|node| node.number()).transpose()
    }

    fn child(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_place_and_no_value() {
        let document = serde_json::json!({"a": {"list": [1, {"name": "Christine"}]}});
        let list = Node::root(&document).need("a").unwrap().need("list").unwrap().items(2).unwrap();
        let fault = list[1].need("name").unwrap().number().unwrap_err();
        assert_eq!(fault.place, "a.list[1].name");
        assert!(!fault.to_string().contains("Christine"));
        assert_eq!(list[1].need("id").unwrap_err().place, "a.list[1].id");
        assert_eq!(list[1].only(&["id"]).unwrap_err().reject, Reject::UnknownField);
    }
}
