//! Reading and verifying.

use std::io;
use std::path::{Path, PathBuf};

use crate::frame::{Chain, Flaw, GENESIS, MAGIC, take};
use crate::wire::Entry;

/// A segment larger than this was not written by us.
const SEGMENT_BYTES_MAX: u64 = 128 << 20;

/// What is wrong with a journal, and where.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No segment.
    #[error("{0} holds no journal: no file named 000001.journal")]
    Empty(PathBuf),
    /// A record that is not what was written.
    #[error("{}: damaged at byte {}: {}", .0.file.display(), .0.offset, .0.what)]
    Damaged(Damage),
}

/// A damaged place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Where in it.
    pub offset: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// A journal that holds together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Segments.
    pub segments: usize,
    /// Whole records.
    pub records: u64,
    /// The chain's end: two journals with the same end hold the same records.
    pub chain: Chain,
    /// Bytes of a record that was being written when the power went; 0 for none.
    pub torn_bytes: usize,
}

/// The entries of a journal, first to last.
#[derive(Debug)]
pub struct Entries {
    segments: std::vec::IntoIter<PathBuf>,
    file: PathBuf,
    bytes: Vec<u8>,
    offset: usize,
    chain: Chain,
    sequence: u64,
    count: usize,
    torn: usize,
}

impl Entries {
    /// Open a journal.
    ///
    /// # Errors
    /// When the directory cannot be read or holds no segment.
    pub fn open(dir: &Path) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io { path: dir.to_path_buf(), source };
        let mut segments: Vec<PathBuf> = std::fs::read_dir(dir)
            .map_err(io)?
            .filter_map(|entry| entry.ok().map(|e| e.path()))
            .filter(|path| path.extension().is_some_and(|e| e == "journal"))
            .collect();
        segments.sort();
        if segments.is_empty() {
            return Err(JournalError::Empty(dir.to_path_buf()));
        }
        Ok(Self {
            count: segments.len(),
            segments: segments.into_iter(),
            file: PathBuf::new(),
            bytes: Vec::new(),
            offset: 0,
            chain: GENESIS,
            sequence: 0,
            torn: 0,
        })
    }

    fn damaged(&self, what: &'static str) -> JournalError {
        JournalError::Damaged(Damage { file: self.file.clone(), offset: self.offset, what })
    }

    /// The next segment's bytes; `false` after the last.
    fn next_segment(&mut self) -> Result<bool, JournalError> {
        let Some(path) = self.segments.next() else { return Ok(false) };
        let io = |source| JournalError::Io { path: path.clone(), source };
        let size = std::fs::metadata(&path).map_err(io)?.len();
        self.file.clone_from(&path);
        self.offset = 0;
        if size > SEGMENT_BYTES_MAX {
            return Err(self.damaged("the segment is larger than any that is written"));
        }
        self.bytes = std::fs::read(&path).map_err(io)?;
        if !self.bytes.starts_with(MAGIC) {
            return Err(self.damaged("this is no journal segment of version 03"));
        }
        self.offset = MAGIC.len();
        Ok(true)
    }

    fn step(&mut self) -> Result<Option<Entry>, JournalError> {
        while self.offset >= self.bytes.len() {
            if !self.next_segment()? {
                return Ok(None);
            }
        }
        match take(&self.bytes[self.offset..], &self.chain, self.sequence) {
            Ok((payload, chain, taken)) => {
                let entry = postcard::from_bytes(payload)
                    .map_err(|_| self.damaged("the record holds no known entry"))?;
                self.chain = chain;
                self.sequence += 1;
                self.offset += taken;
                Ok(Some(entry))
            }
            // Only the last record of the last segment can have been cut by a power failure.
            Err(Flaw::Torn) if self.segments.len() == 0 => {
                self.torn = self.bytes.len() - self.offset;
                self.offset = self.bytes.len();
                Ok(None)
            }
            Err(Flaw::Torn) => {
                Err(self.damaged("the segment ends inside a record, and another segment follows"))
            }
            Err(Flaw::Corrupt) => Err(self.damaged("the checksum does not fit the record")),
            Err(Flaw::OutOfOrder) => {
                Err(self.damaged("a record is missing, moved or changed before this one"))
            }
        }
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// Read a whole journal and check every record.
///
/// # Errors
/// The first damage, or what the disk said.
pub fn verify(dir: &Path) -> Result<Verified, JournalError> {
    let mut entries = Entries::open(dir)?;
    while entries.step()?.is_some() {}
    Ok(Verified {
        segments: entries.count,
        records: entries.sequence,
        chain: entries.chain,
        torn_bytes: entries.torn,
    })
}
