//! What a site must not lose over a restart: the contents of its outgoing buffers (core 3.2.2, section
//! "Communication disruption"), and how its alarms stood, since all of them are told at the start of a
//! connection and a suspension has no end of its own.

use std::io;
use std::path::{Path, PathBuf};

use clearway_rsmp::Message;
use serde::{Deserialize, Serialize};

/// One alarm that is not at rest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AlarmMemory {
    /// Its code, "A0302".
    pub code: String,
    /// The component that has it.
    pub component: String,
    /// It was on.
    pub active: bool,
    /// Somebody had acknowledged it.
    pub acknowledged: bool,
    /// Its messages were suspended.
    pub suspended: bool,
    /// When it came or went, was acknowledged, suspended: milliseconds since 1970 on the site's clock.
    pub times_unix_ms: [i64; 3],
}

/// What a site remembers.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Alarms.
    pub alarms: Vec<AlarmMemory>,
    /// What is buffered for each supervisor, the primary first; the oldest message first.
    pub buffers: Vec<Vec<Message>>,
}

/// The file of a site in a folder. Letters, digits, `+`, `-` and `_` of its id stand for themselves.
#[must_use]
pub fn file(folder: &Path, site_id: &str) -> PathBuf {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "+-_".contains(c) { c } else { '_' };
    folder.join(site_id.chars().map(plain).collect::<String>() + ".json")
}

/// What was remembered; nothing where there is no file yet.
///
/// # Errors
/// When the file cannot be read or holds something else.
pub fn read(file: &Path) -> io::Result<Memory> {
    match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Memory::default()),
        Err(error) => Err(error),
    }
}

/// Write the file whole, beside the one before, so that there is always a whole one.
///
/// # Errors
/// When it cannot be written.
pub fn write(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = file.with_extension("new");
    std::fs::write(&fresh, bytes)?;
    std::fs::rename(fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_no_id_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path(), "../RN+SI0001");
        assert_eq!(file.parent(), Some(folder.path()));
        assert_eq!(read(&file).unwrap(), Memory::default(), "no file yet");
        let alarm = AlarmMemory {
            code: "A0302".into(),
            component: "DL1".into(),
            active: false,
            acknowledged: true,
            suspended: true,
            times_unix_ms: [1, 2, 3],
        };
        let watchdog = Message::Watchdog(clearway_rsmp::frame::Watchdog::default());
        let memory = Memory { alarms: vec![alarm], buffers: vec![vec![watchdog], Vec::new()] };
        write(&file, &serde_json::to_vec(&memory).unwrap()).unwrap();
        assert_eq!(read(&file).unwrap(), memory);
        std::fs::write(&file, b"{").unwrap();
        assert!(read(&file).is_err());
    }
}
