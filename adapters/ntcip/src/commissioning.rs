//! What a controller was when it was commissioned, and what has changed since.
//!
//! The operator proves the binding at the site once and writes down what the unit said of itself. From
//! then on any other module, firmware or table keeps it unarmed, with the change named.

use core::fmt;
use core::str::FromStr;

/// What a checksum is made of, in its order.
const PARTS: [&str; 4] =
    ["the network model's controller", "the unit's timers", "the phases' times", "the preempt rows"];

/// A checksum over the model's controller and the tables that the arming gate reads: four times eight
/// hexadecimal digits, so that a difference says where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Checksum([u32; PARTS.len()]);

impl Checksum {
    pub(crate) const fn new(model: u32, unit: Digest, phases: Digest, rows: Digest) -> Self {
        Self([model, unit.0, phases.0, rows.0])
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [model, unit, phases, rows] = self.0;
        write!(f, "{model:08x}-{unit:08x}-{phases:08x}-{rows:08x}")
    }
}

/// A text is no checksum.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a checksum is four times eight hexadecimal digits with hyphens between")]
pub struct NoChecksum;

impl FromStr for Checksum {
    type Err = NoChecksum;

    fn from_str(text: &str) -> Result<Self, NoChecksum> {
        let mut words = text.split('-');
        let mut parts = [0; PARTS.len()];
        for part in &mut parts {
            let word = words
                .next()
                .filter(|word| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit()))
                .ok_or(NoChecksum)?;
            *part = u32::from_str_radix(word, 16).map_err(|_| NoChecksum)?;
        }
        if words.next().is_some() { Err(NoChecksum) } else { Ok(Self(parts)) }
    }
}

/// A controller as it was commissioned.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Commissioned {
    /// Maker of the module (globalModuleTable).
    pub make: String,
    /// Model of the module.
    pub model: String,
    /// Version of the module.
    pub version: String,
    /// Of the tables that the gate reads.
    pub checksum: Checksum,
}

impl Commissioned {
    /// What differs now, each in a few words; nothing where all is as it was.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<String> {
        let texts = [
            ("moduleMake", &self.make, &now.make),
            ("moduleModel", &self.model, &now.model),
            ("moduleVersion", &self.version, &now.version),
        ];
        let texts = texts.into_iter().filter(|(_, was, is)| was != is);
        let texts = texts.map(|(name, was, is)| format!("{name} is `{is}`, `{was}` at commissioning"));
        let parts = PARTS.into_iter().zip(self.checksum.0.into_iter().zip(now.checksum.0));
        let parts = parts.filter(|(_, (was, is))| was != is);
        texts.chain(parts.map(|(part, _)| format!("{part} changed since commissioning"))).collect()
    }
}

/// The line of `clearway.toml` that commissions this controller.
impl fmt::Display for Commissioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| toml::Value::from(text);
        let (make, model, version) = (text(&self.make), text(&self.model), text(&self.version));
        let checksum = self.checksum;
        write!(
            f,
            "ntcip = {{ make = {make}, model = {model}, version = {version}, checksum = \"{checksum}\" }}"
        )
    }
}

/// FNV-1a, 32 bit: finds a change, proves nothing against malice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Digest(u32);

impl Digest {
    pub(crate) const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_change_is_named() {
        let was = Commissioned {
            make: "Acme".into(),
            model: "A \"2\"".into(),
            version: "76.1".into(),
            checksum: Checksum([1, 2, 3, 4]),
        };
        assert_eq!(was.changes(&was), [""; 0]);
        let is = Commissioned { version: "76.2".into(), checksum: Checksum([1, 2, 7, 4]), ..was.clone() };
        let changes = was.changes(&is);
        let expected = [
            "moduleVersion is `76.2`, `76.1` at commissioning",
            "the phases' times changed since commissioning",
        ];
        assert_eq!(changes, expected);
        for (part, name) in PARTS.into_iter().enumerate() {
            let mut is = was.clone();
            is.checksum.0[part] ^= 1;
            assert!(was.changes(&is)[0].starts_with(name));
        }
    }

    #[test]
    fn the_line_for_the_configuration_reads_back() {
        let said = Commissioned { make: "A \"b\" \\ \u{1}".into(), ..Commissioned::default() };
        let table: toml::Table = said.to_string().parse().expect("a line of TOML");
        assert_eq!(table["ntcip"]["make"].as_str(), Some(said.make.as_str()));
        let checksum = table["ntcip"]["checksum"].as_str().expect("text");
        assert_eq!(checksum.parse(), Ok(said.checksum));
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        for text in ["", "0badcafe", "1-2-3-4", "00000000-00000000-00000000-0000000g"] {
            assert_eq!(text.parse::<Checksum>(), Err(NoChecksum), "{text}");
        }
        assert!("00000000-00000000-00000000-00000000-00000000".parse::<Checksum>().is_err());
        assert!("+0000001-00000000-00000000-00000000".parse::<Checksum>().is_err());
    }

    proptest! {
        #[test]
        fn a_checksum_reads_back(parts in any::<[u32; 4]>()) {
            prop_assert_eq!(Checksum(parts).to_string().parse(), Ok(Checksum(parts)));
        }
    }
}
