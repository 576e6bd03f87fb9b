//! `model.toml`: read with the place of each fault, and written.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use toml::{Spanned, Value};

use crate::fault::{Code, Faults, quote};
use crate::model::Meta;
use crate::parse::open;
use crate::scan::Spot;

/// The file.
pub(crate) const FILE: &str = "model.toml";
/// The version of the format that this crate reads and writes.
pub(crate) const FORMAT_VERSION: u32 = 1;
const CRS: &str = "EPSG:4326";
const UNITS: &str = "si";
const BYTES_MAX: u64 = 64 << 10;

type Keys = BTreeMap<String, Spanned<Value>>;

/// Read `model.toml`; keys that cannot be read stay empty.
pub(crate) fn read(dir: &Path, faults: &mut Faults) -> Meta {
    let Some(text) = read_text(dir, faults) else { return Meta::default() };
    let keys: Keys = match toml::from_str(&text) {
        Ok(keys) => keys,
        Err(error) => {
            let spot = spot_of(&text, error.span().map_or(0, |span| span.start));
            faults.add(FILE, spot, Code::BadToml, first_line(error.message()));
            return Meta::default();
        }
    };
    let mut reader = Reader { text: &text, keys, faults };
    let meta = Meta {
        format_version: reader.version(),
        name: reader.text_of("name"),
        notice: reader.text_of("notice"),
        license: reader.text_of("license"),
        attribution: reader.text_of("attribution"),
        crs: reader.text_of("crs"),
        units: reader.text_of("units"),
        profile: reader.text_of("profile"),
    };
    reader.expect("crs", &meta.crs, CRS, Code::WrongCrs);
    reader.expect("units", &meta.units, UNITS, Code::WrongUnits);
    meta
}

/// Check what a model in memory says about itself.
pub(crate) fn check(meta: &Meta, faults: &mut Faults) {
    let wrong = [
        (meta.format_version != FORMAT_VERSION, Code::WrongFormatVersion, "format_version is not 1"),
        (meta.crs != CRS, Code::WrongCrs, "crs is not EPSG:4326"),
        (meta.units != UNITS, Code::WrongUnits, "units is not si"),
    ];
    for (is_wrong, code, message) in wrong {
        if is_wrong {
            faults.add(FILE, (1, 1), code, message.to_owned());
        }
    }
}

fn read_text(dir: &Path, faults: &mut Faults) -> Option<String> {
    let mut bytes = Vec::new();
    if let Err(error) = open(dir, FILE, BYTES_MAX, faults)?.read_to_end(&mut bytes) {
        faults.add(FILE, (1, 1), Code::UnreadableFile, error.to_string());
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let valid =
                String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]).into_owned();
            let spot = spot_of(&valid, valid.len());
            faults.add(FILE, spot, Code::InvalidUtf8, "these bytes are not UTF-8".to_owned());
            None
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    keys: Keys,
    faults: &'a mut Faults,
}

impl Reader<'_> {
    fn value(&mut self, key: &str) -> Option<(Value, Spot)> {
        let Some(found) = self.keys.get(key) else {
            self.faults.add(FILE, (1, 1), Code::MissingKey, format!("the key {} is missing", quote(key)));
            return None;
        };
        Some((found.get_ref().clone(), spot_of(self.text, found.span().start)))
    }

    fn text_of(&mut self, key: &str) -> String {
        match self.value(key) {
            Some((Value::String(text), _)) => text,
            Some((other, spot)) => {
                let message = format!("{key} is of type {}; it must be text", other.type_str());
                self.faults.add(FILE, spot, Code::BadToml, message);
                String::new()
            }
            None => String::new(),
        }
    }

    fn version(&mut self) -> u32 {
        let Some((value, spot)) = self.value("format_version") else { return 0 };
        let version = value.as_integer().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
        if version != FORMAT_VERSION {
            let message =
                format!("format_version is {}; it must be {FORMAT_VERSION}", quote(&value.to_string()));
            self.faults.add(FILE, spot, Code::WrongFormatVersion, message);
        }
        version
    }

    /// Whether a key that is there has its one lawful value.
    fn expect(&mut self, key: &str, value: &str, expected: &str, code: Code) {
        let Some(found) = self.keys.get(key) else { return };
        if found.get_ref().is_str() && value != expected {
            let spot = spot_of(self.text, found.span().start);
            self.faults.add(FILE, spot, code, format!("{key} is {}; it must be `{expected}`", quote(value)));
        }
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or("it cannot be read").to_owned()
}

/// Line and column of a byte of the text.
fn spot_of(text: &str, byte: usize) -> Spot {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let clamp = |number| u32::try_from(number).unwrap_or(u32::MAX);
    (clamp(line), clamp(column))
}
