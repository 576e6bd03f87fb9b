//! Modbus requests (MODBUS Messaging on TCP/IP 3.1; MODBUS over Serial Line 2.5.1), the writes of
//! the site's own points alone.

use crate::allow::{AllowList, Passed, Refused};

/// Bytes before the unit id of a TCP frame: transaction, protocol, length.
const PREFIX: usize = 6;
/// Longest TCP frame of the protocol.
const FRAME_MAX: usize = 260;
/// The CRC that ends a serial frame.
const CRC_LEN: usize = 2;
/// Registers of a command frame.
const COMMAND_LEN: usize = 9;
const MAP_VERSION: u16 = 1;
const LEVEL_MAX: u16 = 14;
const WRITE_COIL: u8 = 5;
const WRITE_REGISTER: u8 = 6;
const WRITE_REGISTERS: u8 = 16;

/// How requests are framed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Framing {
    /// The header of Modbus TCP, under TLS too.
    #[default]
    Tcp,
    /// Serial frames with their CRC, on a line or over TCP.
    Rtu,
}

/// What one site lets out over Modbus.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rules {
    /// How the site's requests are framed.
    pub framing: Framing,
    /// The unit that is spoken to; requests to another one are stopped.
    pub unit: u8,
    /// What may be written.
    pub writes: Writes,
}

/// What may be written at the site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Writes {
    /// Whole command frames of the Clearway register map.
    Map(AllowList),
    /// Single points, one request each.
    Points(Vec<Point>),
}

/// A point that may be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// A coil, on and off (function 5).
    Coil(u16),
    /// A holding register, to one of two values (function 6).
    Register {
        /// Its protocol address.
        address: u16,
        /// The values: called and not called.
        values: [u16; 2],
    },
    /// A holding register that counts up for the device's watchdog (function 6, any value).
    Heartbeat(u16),
}

/// Whether one outgoing frame passes: reads (functions 1 to 4); writes only as the rules say.
///
/// # Errors
/// Why it does not.
pub fn check_frame(frame: &[u8], rules: &Rules) -> Result<Passed, Refused> {
    let length = frame_length(frame, rules.framing)?.ok_or(Refused::Malformed("a frame is cut short"))?;
    if frame.len() != length {
        return Err(Refused::Malformed("bytes behind the frame"));
    }
    let (unit, function, data) = match (rules.framing, frame) {
        (Framing::Tcp, &[_, _, 0, 0, _, _, unit, function, ref data @ ..]) => (unit, function, data),
        (Framing::Rtu, &[unit, function, ref data @ .., low, high]) => {
            let covered = &frame[..frame.len() - CRC_LEN];
            if checksum(covered) != (u16::from(high) << 8 | u16::from(low)) {
                return Err(Refused::Value("CRC"));
            }
            (unit, function, data)
        }
        _ => return Err(Refused::Malformed("a frame without function")),
    };
    if unit != rules.unit {
        return Err(Refused::NotAllowed("another unit"));
    }
    match (function, &rules.writes) {
        (1..=4, _) if data.len() == 4 => Ok(Passed::Read),
        (1..=4, _) => Err(Refused::Malformed("a read of another length")),
        (WRITE_REGISTERS, Writes::Map(allow)) => check_command(data, allow).map(|()| Passed::Write),
        (WRITE_COIL | WRITE_REGISTER, Writes::Points(points)) => {
            check_point(function, data, points).map(|()| Passed::Write)
        }
        _ => Err(Refused::Unused("Modbus function")),
    }
}

fn check_point(function: u8, data: &[u8], points: &[Point]) -> Result<(), Refused> {
    let &[high, low, value_high, value_low] = data else {
        return Err(Refused::Malformed("a single write of another length"));
    };
    let (asked, value) = (word(high, low), word(value_high, value_low));
    let mut known = points.iter().filter(|point| match (function, point) {
        (WRITE_COIL, Point::Coil(address)) => *address == asked,
        (WRITE_REGISTER, Point::Register { address, .. } | Point::Heartbeat(address)) => *address == asked,
        _ => false,
    });
    match known.next() {
        None => Err(Refused::NotAllowed("a point that is not ours")),
        Some(Point::Coil(_)) if !matches!(value, 0 | 0xff00) => Err(Refused::Value("coil")),
        Some(Point::Register { values, .. }) if !values.contains(&value) => Err(Refused::Value("register")),
        Some(_) => Ok(()),
    }
}

fn check_command(data: &[u8], allow: &AllowList) -> Result<(), Refused> {
    let &[0, 0, 0, 9, 18, ref bytes @ ..] = data else {
        return Err(Refused::NotAllowed("a write other than one whole command frame"));
    };
    if bytes.len() != 2 * COMMAND_LEN {
        return Err(Refused::Malformed("a command frame of another length"));
    }
    let mut words = [0u16; COMMAND_LEN];
    for (register, pair) in words.iter_mut().zip(bytes.chunks_exact(2)) {
        *register = word(pair[0], pair[1]);
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

const fn word(high: u8, low: u8) -> u16 {
    (high as u16) << 8 | low as u16
}

/// The length of the frame at the start of these bytes; `None` while it cannot be known.
fn frame_length(bytes: &[u8], framing: Framing) -> Result<Option<usize>, Refused> {
    match framing {
        Framing::Tcp => tcp_length(bytes),
        Framing::Rtu => rtu_length(bytes),
    }
}

fn tcp_length(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    let Some(&[_, _, protocol_high, protocol_low, high, low]) = bytes.first_chunk::<PREFIX>() else {
        return Ok(None);
    };
    if (protocol_high, protocol_low) != (0, 0) {
        return Err(Refused::Malformed("another protocol"));
    }
    let length = PREFIX + usize::from(word(high, low));
    if !(PREFIX + 2..=FRAME_MAX).contains(&length) {
        return Err(Refused::Malformed("a frame of impossible length"));
    }
    Ok(Some(length))
}

/// A serial frame carries no length: that of a request follows from its function.
fn rtu_length(bytes: &[u8]) -> Result<Option<usize>, Refused> {
    match bytes.get(1) {
        None => Ok(None),
        Some(1..=6) => Ok(Some(6 + CRC_LEN)),
        Some(&WRITE_REGISTERS) => Ok(bytes.get(6).map(|count| 7 + usize::from(*count) + CRC_LEN)),
        Some(_) => Err(Refused::Unused("Modbus function")),
    }
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
        rules: &Rules,
        cleared: &mut Vec<u8>,
    ) -> Result<Option<Passed>, Refused> {
        self.waiting.extend_from_slice(bytes);
        let mut last = None;
        let whole = |waiting: &[u8]| {
            Ok(frame_length(waiting, rules.framing)?.filter(|length| *length <= waiting.len()))
        };
        while let Some(length) = whole(&self.waiting)? {
            let passed = check_frame(&self.waiting[..length], rules)?;
            cleared.extend(self.waiting.drain(..length));
            last = if last == Some(Passed::Write) { last } else { Some(passed) };
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests;
