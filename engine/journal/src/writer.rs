//! The writer: one thread, group commit, segments of bounded size.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clearway_runtime::Record;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::frame::{Chain, GENESIS, MAGIC, push};
use crate::wire::{Entry, Start};

/// Records that wait for the disk: about ten seconds of a large city.
const ROOM: usize = 65_536;
/// A record is on the disk at most this long after it was taken up.
const COMMIT_WITHIN: Duration = Duration::from_millis(5);
/// A group is committed at this size at the latest.
const GROUP_BYTES: usize = 1 << 18;
/// A segment is followed by the next one beyond this size.
const SEGMENT_BYTES: u64 = 64 << 20;

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    records: Option<Sender<Record>>,
    thread: Option<JoinHandle<io::Result<()>>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    committed: AtomicU64,
    failed: AtomicBool,
}

impl Journal {
    /// Create a journal in a directory that holds none yet, and write its first record.
    ///
    /// # Errors
    /// When the directory cannot be made or already holds a journal.
    pub fn create(dir: &Path, start: Start) -> io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let mut segments = Segments { dir: dir.to_path_buf(), number: 0, file: None, bytes: 0 };
        segments.next()?;
        let (records, inbox) = bounded(ROOM);
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("journal".into()).spawn(move || {
            let result =
                Log { segments, chain: GENESIS, sequence: 0, group: Vec::new() }.run(&start, &inbox, &shared);
            shared.failed.store(result.is_err(), Ordering::Release);
            result
        })?;
        Ok(Self { records: Some(records), thread: Some(thread), state })
    }

    /// Where the engine's loop puts its records.
    #[must_use]
    pub fn records(&self) -> Option<Sender<Record>> {
        self.records.clone()
    }

    /// Records that are safely on the disk.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.state.committed.load(Ordering::Acquire)
    }

    /// Whether the disk refused a write: from then on nothing is recorded.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.state.failed.load(Ordering::Acquire)
    }

    /// Commit what is waiting and close. Every other sender must be gone by then.
    ///
    /// # Errors
    /// What the disk said.
    pub fn close(mut self) -> io::Result<()> {
        self.records = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the journal's thread panicked")),
            None => Ok(()),
        }
    }
}

struct Segments {
    dir: PathBuf,
    number: u32,
    file: Option<File>,
    bytes: u64,
}

impl Segments {
    fn next(&mut self) -> io::Result<()> {
        self.number += 1;
        let path = self.dir.join(format!("{:06}.journal", self.number));
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all(MAGIC)?;
        file.sync_data()?;
        // The directory's own entry must survive a power cut too.
        File::open(&self.dir)?.sync_all()?;
        self.file = Some(file);
        self.bytes = MAGIC.len() as u64;
        Ok(())
    }

    fn commit(&mut self, group: &[u8]) -> io::Result<()> {
        if self.bytes + group.len() as u64 > SEGMENT_BYTES {
            self.next()?;
        }
        let file = self.file.as_mut().ok_or_else(|| io::Error::other("no segment is open"))?;
        file.write_all(group)?;
        file.sync_data()?;
        self.bytes += group.len() as u64;
        Ok(())
    }
}

struct Log {
    segments: Segments,
    chain: Chain,
    sequence: u64,
    group: Vec<u8>,
}

impl Log {
    fn run(mut self, start: &Start, inbox: &Receiver<Record>, state: &State) -> io::Result<()> {
        self.push(&Entry::Start(Box::new(start.clone())))?;
        self.commit(state)?;
        while let Ok(first) = inbox.recv() {
            self.push(&Entry::from(&first))?;
            let deadline = Instant::now() + COMMIT_WITHIN;
            while self.group.len() < GROUP_BYTES {
                match inbox.recv_deadline(deadline) {
                    Ok(record) => self.push(&Entry::from(&record))?,
                    Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
                }
            }
            self.commit(state)?;
        }
        Ok(())
    }

    fn push(&mut self, entry: &Entry) -> io::Result<()> {
        let payload = postcard::to_stdvec(entry).map_err(io::Error::other)?;
        self.chain = push(&mut self.group, &self.chain, self.sequence, &payload);
        self.sequence += 1;
        Ok(())
    }

    fn commit(&mut self, state: &State) -> io::Result<()> {
        self.segments.commit(&self.group)?;
        self.group.clear();
        state.committed.store(self.sequence, Ordering::Release);
        Ok(())
    }
}
