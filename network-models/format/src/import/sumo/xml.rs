//! XML files as a stream of elements.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::ImportError;

/// Bytes of one file, decompressed.
pub(super) const BYTES_MAX: u64 = 1 << 30;

/// One element as it opens.
#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    attributes: BTreeMap<String, String>,
}

impl Element {
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.attributes.get(key).map(String::as_str)
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.get(key).unwrap_or_default().to_owned()
    }

    pub(super) fn number(&self, key: &str) -> Option<f64> {
        self.get(key)?.parse().ok().filter(|number: &f64| number.is_finite())
    }
}

/// Call `visit` for each element, in the order of the file.
pub(super) fn read(path: &Path, mut visit: impl FnMut(&Element)) -> Result<(), ImportError> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    let raw: Box<dyn Read> =
        if packed { Box::new(flate2::read::MultiGzDecoder::new(file)) } else { Box::new(file) };
    let broken = |source| ImportError::Xml { path: path.to_owned(), source };
    let mut buffer = Vec::new();
    let mut reader = Reader::from_reader(BufReader::new(raw.take(BYTES_MAX + 1)));
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(broken)? {
            Event::Start(start) | Event::Empty(start) => visit(&element(&start).map_err(broken)?),
            Event::Eof => break,
            _ => {}
        }
    }
    // The limit ends a file that is too large as if it ended there.
    if reader.buffer_position() > BYTES_MAX {
        return Err(ImportError::TooLarge { path: path.to_owned() });
    }
    Ok(())
}

fn element(start: &BytesStart<'_>) -> Result<Element, quick_xml::Error> {
    let mut attributes = BTreeMap::new();
    for attribute in start.attributes() {
        let attribute = attribute?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        attributes.insert(key, attribute.unescape_value()?.into_owned());
    }
    Ok(Element { name: String::from_utf8_lossy(start.name().as_ref()).into_owned(), attributes })
}
