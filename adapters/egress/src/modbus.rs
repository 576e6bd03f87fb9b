//! Modbus TCP frames (MODBUS Messaging on TCP/IP, 3.1), writes of the register map alone.

use crate::allow::{AllowList, Passed, Refused};

/// Bytes before the unit id: transaction, protocol, length.
const PREFIX: usize = 6;
/// Longest frame of the protocol.
const FRAME_MAX: usize = 260;
/// Registers of a command frame.
const COMMAND_LEN: usize = 9;
const MAP_VERSION: u16 = 1;
const LEVEL_MAX: u16 = 14;
const WRITE_REGISTERS: u8 = 16;

/// Whether one outgoing frame passes: reads (functions 1 to 4); function 16 only as one whole
/// command frame of the register map that calls rows of ours and dies in time.
///
/// # Errors
/// Why it does not.
pub fn check_frame(frame: &[u8], allow: &AllowList) -> Result<Passed, Refused> {
    let length = frame_length(frame)?.ok_or(Refused::Malformed("a frame is cut short"))?;
    if frame.len() != length {
        return Err(Refused::Malformed("bytes behind the frame"));
    }
    let &[_, _, 0, 0, _, _, _unit, function, ref data @ ..] = frame else {
        return Err(Refused::Malformed("a frame without function"));
    };
    match function {
        1..=4 if data.len() == 4 => Ok(Passed::Read),
        1..=4 => Err(Refused::Malformed("a read of another length")),
        WRITE_REGISTERS => check_write(data, allow).map(|()| Passed::Write),
        _ => Err(Refused::Unused("Modbus function")),
    }
}

fn check_write(data: &[u8], allow: &AllowList) -> Result<(), Refused> {
    let &[0, 0, 0, 9, 18, ref bytes @ ..] = data else {
        return Err(Refused::NotAllowed("a write other than one whole command frame"));
    };
    if bytes.len() != 2 * COMMAND_LEN {
        return Err(Refused::Malformed("a command frame of another length"));
    }
    let mut words = [0u16; COMMAND_LEN];
    for (word, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
        *word = u16::from(pair[0]) << 8 | u16::from(pair[1]);
    }
    let [version, _sequence, _heartbeat, time_to_live, calls, priority, _, _, crc] = words;
    if version != MAP_VERSION {
        return Err(Refused::Value("map version"));
    }
    if crc != checksum(&bytes[2..16]) {
        return Err(Refused::Value("CRC"));
    }
    if time_to_live == 0 || time_to_live > allow.time_to_live_max_ds {
        return Err(Refused::Value("time to live"));
    }
    if calls & !allow.preempt_rows.low_bits() != 0 {
        return Err(Refused::NotAllowed("a preempt row that is not ours"));
    }
    let [row, level] = priority.to_be_bytes();
    if priority != 0 && !allow.priority_rows.contains(row) {
        return Err(Refused::NotAllowed("a transit row that is not ours"));
    }
    if u16::from(level) > LEVEL_MAX {
        return Err(Refused::Value("priority level"));
    }
    if calls.count_ones() + u32::from(priority != 0) > 1 {
        return Err(Refused::NotAllowed("more than one row at once"));
    }
    Ok(())
}

/// The length of the frame at the start of these bytes; `None` while it cannot be known.
fn frame_length(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let Some(&[_, _, protocol_high, protocol_low, high, low]) = bytes.first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    if (protocol_high, protocol_low) != (0, 0) {
        return Err(Refused::Malformed("another protocol"));
    }
    let length = PREFIX + (usize::from(high) << 8 | usize::from(low));
    if !(PREFIX + 2..=FRAME_MAX).contains(&length) {
        return Err(Refused::Malformed("a frame of impossible length"));
    }
    Ok(Some(length))
}

/// The checksum of serial Modbus: polynomial x^16 + x^15 + x^2 + 1, reflected, start with ones.
fn checksum(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let shifted = crc >> 1;
            if crc & 1 == 0 { shifted } else { shifted ^ 0xa001 }
        })
    })
}

/// The gate of one stream: bytes go in as they are written, whole frames come out as they pass.
#[derive(Clone, Debug, Default)]
pub struct Crossing {
    waiting: Vec<u8>,
}

impl Crossing {
    /// Take bytes; append the frames that are whole and pass to `cleared`. What passed, in order.
    ///
    /// # Errors
    /// The first frame that does not pass; nothing more may be written to this stream then.
    pub fn push(
        &mut self,
        bytes: &[u8],
        allow: &AllowList,
        cleared: &mut Vec<u8>,
    ) -> Result<Option<Passed>, Refused> {
        self.waiting.extend_from_slice(bytes);
        let mut last = None;
        while let Some(length) = frame_length(&self.waiting)?.filter(|length| *length <= self.waiting.len()) {
            let passed = check_frame(&self.waiting[..length], allow)?;
            cleared.extend(self.waiting.drain(..length));
            last = if last == Some(Passed::Write) { last } else { Some(passed) };
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests;
